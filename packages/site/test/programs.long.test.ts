// The code of the pages that is no cell: "```ts" is a program, which passes the type check, runs in Node and prints what
// its `//>` lines say; "```ts page" needs a page, a browser's device or a download, and passes the type check. The programs of a page
// run one after another in one folder, so that a later one may read what an earlier one wrote.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileHere, execute } from "../../../test/pack.ts";
import { root } from "../../../test/source-graph.ts";
import { keeps, promisesOf } from "../src/cells/promises.ts";
import { written } from "./written.ts";

interface Program {
  readonly file: string;
  readonly code: string;
  readonly runs: boolean;
}

/** "guides-tensors": a guide and a tutorial may have one name. */
const nameOf = (file: string): string => file.replace(/\.md$/, "").replaceAll("/", "-");
const pages = written
  .map(({ file, text }) => ({ name: nameOf(file), programs: programsOf(text) }))
  .filter(({ programs }) => programs.length > 0);

function programsOf(markdown: string): Program[] {
  return [...markdown.matchAll(/^```ts( page)?\n([\s\S]*?)^```/gm)].map(([, where, code], i) => ({
    file: `program-${i + 1}.ts`,
    code: code!,
    runs: where === undefined,
  }));
}

const noDriver = process.env["WEFT_NO_DRIVER"];
/** Whether a program can run here: some need the driver of the tests for WebGPU. */
const possible = ({ runs, code }: Program): boolean =>
  runs && !(noDriver !== undefined && code.includes("@weft/tensor-webgpu"));

mkdirSync(join(root, ".work"), { recursive: true });
const folder = mkdtempSync(join(root, ".work/pages-")); // in the tree, so that the packages are found
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(async () => {
  const files: string[] = [];
  for (const { name, programs } of pages) {
    mkdirSync(join(folder, name));
    for (const { file, code } of programs) {
      files.push(`${name}/${file}`);
      writeFileSync(join(folder, name, file), code);
    }
  }
  await compileHere(folder, { files }, { moduleDetection: "force" });
}, 120_000);

test("there are programs", () => {
  expect(pages.length).toBeGreaterThanOrEqual(2);
});

test("pages of one name have folders of their own", () => {
  expect(["guides/tensors.md", "tutorials/tensors.md"].map(nameOf)).toEqual(["guides-tensors", "tutorials-tensors"]);
});

describe.each(pages)("$name", ({ name, programs }) => {
  const running = programs.filter(possible);
  test.skipIf(running.length === 0)("its programs run, and print what they say", async () => {
    for (const { file, code } of running) {
      const printed = await execute(join(folder, name), process.execPath, file);
      const { lines } = promisesOf(code);
      if (lines.length > 0 && !keeps([printed.trimEnd()], lines)) expect(printed.trimEnd().split("\n")).toEqual(lines);
    }
  });
});
