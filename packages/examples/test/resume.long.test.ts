// The program that saves and resumes: stopped in the middle of a pass and run again, it equals one that was not stopped.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { execute } from "../../../test/pack.ts";
import { root } from "../../../test/source-graph.ts";

const program = join(root, "packages/examples/src/resume.ts");

test("a run is resumed mid-epoch in 25 lines, to the bit", { timeout: 120_000 }, async () => {
  expect(readFileSync(program, "utf8").trim().split("\n").length).toBeLessThanOrEqual(25);
  const folder = mkdtempSync(join(tmpdir(), "weft-resume-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [whole, stopped] = ["whole", "stopped"].map((name) => join(folder, `${name}.safetensors`));
  const run = (...words: string[]) => execute(folder, process.execPath, program, ...words);
  const wanted = await run(whole!, "100");
  expect(wanted).toMatch(/^step 50, loss .*\nstep 100, loss .*\n$/);
  const first = await run(stopped!, "60"); // after the file of step 50
  expect(first + (await run(stopped!, "100"))).toBe(wanted);
  expect(readFileSync(stopped!).equals(readFileSync(whole!))).toBe(true);
});
