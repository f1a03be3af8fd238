// In a bundle, stack frames do not tell packages apart: the error for an index out of range has no call site rather
// than a wrong one. Errors keep their names, whatever a minifier calls their classes.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { build } from "vite";
import { expect, test } from "vitest";
import { root } from "./source-graph.ts";
import { temporary } from "./temporary.ts";

test.each([false, true])("minified: %s", async (minify) => {
  const outDir = temporary();
  await build({
    root,
    logLevel: "error",
    configFile: false,
    ssr: { noExternal: true }, // one file for Node
    build: {
      ssr: join(root, "test/bundled-program.ts"),
      outDir,
      emptyOutDir: false,
      minify,
      rolldownOptions: { output: { entryFileNames: "program.mjs" } },
    },
  });
  const program = join(outDir, "program.mjs");
  expect(execFileSync(process.execPath, [program], { encoding: "utf8" }).trim()).toBe(
    "IndexError: take: an index was outside its axis (result f32[1]). It is 5, and the axis has size 2",
  );
});
