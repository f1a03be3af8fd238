// What packages export is documented with an example (which tests of the packages run), and each operation has samples.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { collections } from "@weft/conformance";
import { expect, test } from "vitest";
import { files, root } from "./source-graph.ts";

/** Packages in which every export has an example. */
const complete = ["tensor", "autograd", "optim", "nn", "data"];

const exported = async (file: string): Promise<[string, unknown][]> =>
  Object.entries((await import(join(root, "packages", file))) as object);

/** The names that are declared below a doc comment with an example, in any package: some export what others declare. */
const declaration =
  /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(?:\/\/.*\s*)*export (?:async )?(?:abstract )?(?:function|const|class) (\w+)/g;
const documented = new Set(
  files("packages/*/src/**/*.ts").flatMap((file) =>
    [...readFileSync(join(root, file), "utf8").matchAll(declaration)].flatMap(([, comment, name]) =>
      comment!.includes("@example") ? name! : [],
    ),
  ),
);

test.each(complete)("every export of %s has an example", async (name) => {
  const names = (await exported(`${name}/src/index.ts`)).map(([key]) => key);
  expect(names.filter((key) => !documented.has(key))).toEqual([]);
});

test("every operation has samples", async () => {
  const around = ["apply", "expression", "reading", "row-op", "scope"].map((file) => exported(`tensor/src/${file}.ts`));
  const others = new Set((await Promise.all(around)).flat().map(([name]) => name));
  const isOperation = ([name, f]: [string, unknown]): boolean =>
    typeof f === "function" && !/^class\b/.test(Function.prototype.toString.call(f)) && !others.has(name);
  const operations = (await exported("tensor/src/index.ts")).filter(isOperation).map(([name]) => name);
  const sampled = new Set(collections.flatMap(({ samples }) => Object.keys(samples)));
  expect(operations.length).toBeGreaterThan(100);
  expect(operations.filter((name) => !sampled.has(name))).toEqual([]);
});
