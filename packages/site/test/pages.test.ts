// Every cell of every page runs in Node, in the order of its page, and keeps what it promises. Pages are found by
// themselves. There are two of the tutorials, and all where no page can be opened: built.long.test.ts runs them in pages.
import { describe, expect, test } from "vitest";
import type { Output } from "../src/cells/output.ts";
import { page } from "../src/cells/run.ts";
import { cellsOf } from "../src/markdown/cells.ts";
import { everything } from "../../../test/extent.ts";
import { evaluate } from "./evaluate.ts";
import { written } from "./written.ts";

const all = process.env["WEFT_LONG"] === "1" || (everything && process.env["WEFT_NO_DRIVER"] !== undefined);
const always = ["tutorials/quick-start.md", "tutorials/tensors.md"];
const pages = written
  .map(({ file, text }) => ({ file, cells: cellsOf(text) }))
  .filter(({ cells }) => cells.length > 0)
  .filter(({ file }) => all || !file.startsWith("tutorials/") || always.includes(file));

/** The first line of code that says something. */
const titleOf = (cell: string): string => cell.split("\n").find((line) => !/^(import|\/\/|$)/.test(line)) ?? cell;

test("there are pages with cells", () => {
  expect(pages.length).toBeGreaterThanOrEqual(2);
});

describe.each(pages)("$file", ({ file, cells }) => {
  const { run } = page(evaluate);
  test.each(cells.map((cell, i) => ({ i: i + 1, title: titleOf(cell), cell })))("cell $i: $title", async ({ cell }) => {
    const outputs: Output[] = [];
    const { ok } = await run(cell, (output) => outputs.push(output));
    const wrong = outputs.filter((output) => output.kind === "error" || (output.kind === "promise" && !output.kept));
    expect(wrong).toEqual([]);
    expect(ok).toBe(true);
  });
  // What the reader writes in the playground need not do what a page says.
  test.skipIf(file === "playground.md")("promises something", () => {
    expect(cells.filter((cell) => /^\/\/[>~]/m.test(cell)).length).toBeGreaterThan(0);
  });
});
