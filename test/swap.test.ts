// One import line swaps the backend: the same program text, with that line replaced, gives the same losses.
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const here = import.meta.dirname;
/** Not committed; programs there find the packages as those here do. */
const folder = join(here, "../.vitest");

async function lossesOf(text: string, name: string): Promise<number[]> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `swap-${name}.ts`);
  writeFileSync(file, text);
  const { stdout } = await promisify(execFile)(process.execPath, [file]);
  return JSON.parse(stdout) as number[];
}

const missing = process.env["WEFT_NO_DRIVER"];

test.skipIf(missing !== undefined)("fifty steps of LeNet with dropout", { timeout: 240_000 }, async () => {
  const text = readFileSync(join(here, "swap-program.ts"), "utf8");
  const [first, second] = ["@weft/tensor-cpu", "@weft/tensor-webgpu"];
  expect(text.split(first).length).toBe(2);
  const wanted = await lossesOf(text, "cpu");
  const got = await lossesOf(text.replace(first, second), "webgpu");
  expect(wanted.length).toBe(50);
  const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b) / list.length;
  expect(mean(wanted.slice(-10))).toBeLessThan(0.7 * mean(wanted.slice(0, 10))); // it learns
  const off = got.map((loss, step) => Math.abs(loss / wanted[step]! - 1));
  expect(off.length).toBe(50);
  expect(Math.max(...off)).toBeLessThan(1e-3);
});
