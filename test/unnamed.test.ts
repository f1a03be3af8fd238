// What a program does not name is not in its bundle.
import { join } from "node:path";
import { build, type Rollup } from "vite";
import { expect, test } from "vitest";
import { files, read, root } from "./source-graph.ts";

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
  const sources = files("packages/tensor/src/{fused/*,linalg/*,recurrence/*,special}.ts").map(read).join("\n");
  const names = [...sources.matchAll(/^ {2}name: (".*"),$|(?:rowOp|elementwiseOp)(?:<.*>)?\(\s*(".*?")/gm)];
  const operations = names.map(([, fused, formula]) => fused ?? formula!);
  expect(operations).toEqual(expect.arrayContaining(['"erfinv"', '"softmax"', '"rmsNorm"', '"lstmSequence"', '"svd"']));
  const [one, all] = await Promise.all(["test/size/add.ts", "packages/tensor/src/internals.ts"].map(bundled));
  expect(operations.filter((name) => one!.includes(name))).toEqual([]);
  const every = all! + (await bundled("packages/tensor/src/index.ts"));
  expect(operations.filter((name) => !every.includes(name))).toEqual([]);
  expect(await bundled("test/size/mlp.ts")).not.toContain('"erfinv"');
});
