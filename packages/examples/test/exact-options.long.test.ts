// The files of the models pass the strictest check of options, since they are copied into programs of any kind.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { compile } from "../../../test/pack.ts";
import { root } from "../../../test/source-graph.ts";

test("under exactOptionalPropertyTypes the models have no errors", async () => {
  mkdirSync(join(root, ".work"), { recursive: true });
  const folder = mkdtempSync(join(root, ".work/exact-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const compilerOptions = {
    lib: ["es2023", "esnext.disposable", "dom"],
    types: ["node"],
    rootDir: "../..",
    noEmit: true,
    composite: false,
    exactOptionalPropertyTypes: true,
  };
  const include = ["../../packages/examples/src/models/*.ts"];
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ extends: "../../tsconfig.base.json", compilerOptions, include }),
  );
  // The sources of the packages need not pass: users have their declarations.
  const said = await compile(folder).then(
    () => "",
    (error: Error) => error.message,
  );
  expect(said.split("\n").filter((line) => /examples\/src\/models\/.*error/.test(line))).toEqual([]);
});
