// Every form of every instruction, with operands at random, against the bytes of GNU as (golden/make.ts writes them).
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Assembler, instructions } from "@weft/x64";
import { expect, test } from "vitest";
import { read } from "./operand-text.ts";

const cases = readFileSync(join(import.meta.dirname, "golden/encodings.txt"), "utf8")
  .trimEnd()
  .split(/\r?\n/)
  .map((line) => line.split("\t") as [string, string]);

/** The bytes of an instruction as hexadecimal digits; what it is was read from a file. */
function encoded(line: string): string {
  const code = new Assembler();
  const { name, operands } = read(line);
  (code.emit as (name: string, ...operands: readonly unknown[]) => void).call(code, name, ...operands);
  return Buffer.from(code.finish().bytes).toString("hex");
}

test("each instruction has the bytes of GNU as", () => {
  expect(cases.length).toBeGreaterThan(2500);
  const wrong = cases
    .map(([line, hex]) => ({ line, hex, ours: encoded(line) }))
    .filter(({ hex, ours }) => hex !== ours);
  expect(wrong).toEqual([]);
});

test("each instruction of the table is among them, but those with labels", () => {
  const there = new Set(cases.map(([line]) => line.split(" ")[0]));
  expect(Object.keys(instructions).filter((name) => !there.has(name))).toEqual(["jcc"]);
});
