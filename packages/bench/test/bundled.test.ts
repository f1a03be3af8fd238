// In a bundle, stack frames do not tell packages apart: the error for an index out of range has no call site rather
// than a wrong one. Errors keep their names, whatever a minifier calls their classes.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { expect, onTestFinished, test } from "vitest";

const program = `
  import { take } from "@weft/tensor";
  import { open } from "@weft/tensor-cpu";
  const { tensor } = await open();
  const mine = () => take(tensor([1, 2]), tensor([5], { dtype: "i32" }));
  try { await mine().data(); } catch (error) { console.log(String(error)); }
`;

test.each([false, true])("minified: %s", async (minify) => {
  const folder = mkdtempSync(join(tmpdir(), "weft-bundled-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const outfile = join(folder, "program.mjs");
  const stdin = { contents: program, resolveDir: import.meta.dirname };
  await build({ stdin, outfile, bundle: true, minify, platform: "node", format: "esm" });
  expect(execFileSync(process.execPath, [outfile], { encoding: "utf8" }).trim()).toBe(
    "IndexError: take: an index was outside its axis (result f32[1]). It is 5, and the axis has size 2",
  );
});
