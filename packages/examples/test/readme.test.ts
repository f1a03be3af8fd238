// The README's program passes the type check and runs.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { compileHere, execute } from "../../../test/pack.ts";
import { root } from "../../../test/source-graph.ts";
import type { Program } from "../src/training/program.ts";
import { programs } from "../src/programs.ts";

test("the README lists the options that single programs have, and what they can be", () => {
  const text = readFileSync(join(root, "packages/examples/README.md"), "utf8");
  const rows = text.split("\n").filter((line) => line.startsWith("| `--"));
  for (const [program, { options = {} }] of Object.entries<Program>(programs))
    for (const [name, { choices = [] }] of Object.entries(options)) {
      const named = (line: string) =>
        line
          .split("|")[2]!
          .split(",")
          .some((one) => one.trim() === `\`${program}\``);
      const row = rows.find((line) => line.includes(`\`--${name}`) && named(line));
      expect(row, `--${name} of ${program}`).toBeDefined();
      for (const choice of choices) expect(row).toContain(`\`${choice}\``);
    }
  for (const [option, what] of [
    ["--data", "data"],
    ["--limit", "cases"],
  ] as const) {
    const [names] = rows.find((line) => line.startsWith(`| \`${option} `))!.split(": ");
    const takers = Object.entries<Program>(programs).filter(([, program]) => program[what] !== undefined);
    expect(names!.match(/`[a-z0-9-]+`/g)?.toSorted()).toEqual(takers.map(([name]) => `\`${name}\``).toSorted());
  }
});

test("the README says of each program what the program says that it reaches", () => {
  const text = readFileSync(join(root, "packages/examples/README.md"), "utf8");
  const stated = [...text.matchAll(/^\| \[`([^`]+)`\]\(src\/programs\/.*\| (.+) \|$/gm)].map(([, name, cell]) => [
    name,
    cell,
  ]);
  const reached = Object.entries<Program>(programs).map(([name, { reaches }]) => [name, reaches]);
  expect(Object.fromEntries(stated)).toEqual(Object.fromEntries(reached));
});

test("the example of the README passes the type check and runs", { timeout: 120_000 }, async () => {
  mkdirSync(join(root, ".work"), { recursive: true });
  const folder = mkdtempSync(join(root, ".work/examples-")); // in the tree, so that the packages are found
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));

  const text = readFileSync(join(root, "packages/examples/README.md"), "utf8");
  const blocks = [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map((m) => m[1]!);
  expect(blocks).toHaveLength(1);
  const inline = /`(vocabularyFrom\([^`]*)`/.exec(text)![1]!;
  const snippet = `import { vocabularyFrom } from "@weft/data";
import { readMetadata } from "@weft/nn";
export const known = async (file: string) => ${inline};\n`;
  writeFileSync(join(folder, "program.ts"), blocks[0]!);
  writeFileSync(join(folder, "snippet.ts"), snippet);
  await compileHere(folder, { files: ["program.ts", "snippet.ts"] });
  const accuracies = (await execute(folder, process.execPath, "program.ts")).trim().split("\n").map(Number);
  expect(accuracies).toHaveLength(2);
  for (const accuracy of accuracies) expect(accuracy).toBeGreaterThan(0.8);
});
