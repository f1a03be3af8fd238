// The README's examples, as one program: they pass the type check and run.
import { mkdtempSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { compile, execute } from "./pack.ts";
import { root } from "./source-graph.ts";

mkdirSync(join(root, ".work"), { recursive: true });
const folder = mkdtempSync(join(root, ".work/readme-")); // in the tree, so that the packages are found
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the examples of the README pass the type check and run", { timeout: 120_000 }, async () => {
  const blocks = [...readFileSync(join(root, "README.md"), "utf8").matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(
    (m) => m[1]!,
  );
  expect(blocks.length).toBeGreaterThanOrEqual(2);
  writeFileSync(join(folder, "program.ts"), blocks.join("\n"));
  const compilerOptions = {
    lib: ["es2023", "esnext.disposable", "dom"],
    types: ["node"],
    rootDir: "../..",
    noEmit: true,
    composite: false,
  };
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ extends: "../../tsconfig.base.json", compilerOptions, files: ["program.ts"] }),
  );
  await compile(folder);
  await execute(folder, process.execPath, "program.ts");
  expect(statSync(join(folder, "model.safetensors")).size).toBeGreaterThan(1_700_000);
});
