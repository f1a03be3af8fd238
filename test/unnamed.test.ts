// What a program does not name is not in its bundle.
import { join } from "node:path";
import { build, type Rollup } from "vite";
import { expect, test } from "vitest";
import { root } from "./source-graph.ts";

test("formulas come with their functions", async () => {
  const bundled = async (entry: string): Promise<string> => {
    const lib = { entry: join(root, entry), formats: ["es" as const], fileName: "bundle" };
    const made = await build({
      root,
      logLevel: "error",
      configFile: false,
      build: { lib, write: false, minify: false },
    });
    return (made as Rollup.RollupOutput[])[0]!.output[0].code;
  };
  expect(await bundled("test/size/mlp.ts")).not.toContain('"erfinv"');
  expect(await bundled("packages/tensor/src/index.ts")).toContain('"erfinv"');
});
