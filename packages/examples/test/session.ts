// A user at the command line: what `weft` prints and its exit code, in a temporary folder, and what it leaves there.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { run } from "../src/command-line/command.ts";

/** Runs `weft` with these arguments. */
export async function weft(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await run(
    args,
    (line) => out.push(line),
    (line) => err.push(line),
  );
  return { code, out: out.join("\n"), err: err.join("\n") };
}

/** An empty folder for one test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "weft-examples-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The lines of the record of a training, without the times. */
export const lines = (folder: string): unknown[] =>
  readFileSync(join(folder, "metrics.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => ({ ...(JSON.parse(line) as object), time: 0 }));

/** The bytes of a saved file but for how long its training took. */
export function savedIn(folder: string, name: string): Buffer {
  const file = readFileSync(join(folder, name));
  const begin = 8 + Number(file.readBigUInt64LE(0));
  const header = file.subarray(8, begin).toString().trimEnd();
  return Buffer.concat([Buffer.from(header.replace(/,?"seconds":"[^"]*"/, "")), file.subarray(begin)]);
}

/** Two folders hold the same training, bit for bit. */
export const same = (one: string, other: string): void => {
  for (const name of ["model.safetensors", "training.safetensors"])
    expect(savedIn(one, name).equals(savedIn(other, name)), name).toBe(true);
  expect(lines(one)).toEqual(lines(other));
};
