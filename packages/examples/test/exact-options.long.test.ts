// The files of the models pass the strictest check of options, since they are copied into programs of any kind.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { compileHere } from "../../../test/pack.ts";
import { root } from "../../../test/source-graph.ts";

test("under exactOptionalPropertyTypes the models have no errors", async () => {
  mkdirSync(join(root, ".work"), { recursive: true });
  const folder = mkdtempSync(join(root, ".work/exact-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const include = ["../../packages/examples/src/models/*.ts"];
  // The sources of the packages need not pass: users have their declarations.
  const said = await compileHere(folder, { include }, { exactOptionalPropertyTypes: true }).then(
    () => "",
    (error: Error) => error.message,
  );
  expect(said.split("\n").filter((line) => /examples\/src\/models\/.*error/.test(line))).toEqual([]);
});
