// What packages export is documented with an example (which tests of the packages run), and each operation has samples.
import { join } from "node:path";
import { collections } from "@weft/conformance";
import { expect, test } from "vitest";
import { files, read, root } from "./source-graph.ts";

/** Packages in which every export has an example. */
const complete = ["tensor", "autograd", "optim", "nn", "data"];

const exported = async (file: string): Promise<[string, unknown][]> =>
  Object.entries((await import(join(root, "packages", file))) as object);

const declaration =
  /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(?:\/\/.*\s*)*export (?:async )?(?:abstract )?(?:function|const|class) (\w+)/g;
/** The names that a package declares below a doc comment with an example. */
const documentedIn = (name: string): Set<string> =>
  new Set(
    files(`packages/${name}/src/**/*.ts`).flatMap((file) =>
      [...read(file).matchAll(declaration)].flatMap(([, comment, declared]) =>
        comment!.includes("@example") ? declared! : [],
      ),
    ),
  );

test.each(complete)("every export of %s has an example", async (name) => {
  const own = documentedIn(name);
  // A package may export what another one declares.
  const others = await Promise.all(
    complete.map(async (other) => [documentedIn(other), new Map(await exported(`${other}/src/index.ts`))] as const),
  );
  const missing = (await exported(`${name}/src/index.ts`)).filter(
    ([key, value]) =>
      !own.has(key) && !others.some(([documented, values]) => documented.has(key) && values.get(key) === value),
  );
  expect(missing.map(([key]) => key)).toEqual([]);
});

test("every operation has samples", async () => {
  // What returns promises has cases of its own in conformance.
  const around = ["apply", "expression", "finite", "profile", "reading", "row-op", "scope", "selection/counted"].map(
    (file) => exported(`tensor/src/${file}.ts`),
  );
  const others = new Set((await Promise.all(around)).flat().map(([name]) => name));
  const isOperation = ([name, f]: [string, unknown]): boolean =>
    typeof f === "function" && !/^class\b/.test(Function.prototype.toString.call(f)) && !others.has(name);
  const operations = (await exported("tensor/src/index.ts")).filter(isOperation).map(([name]) => name);
  const sampled = new Set(collections.flatMap(({ samples }) => Object.keys(samples)));
  expect(operations.length).toBeGreaterThan(100);
  expect(operations.filter((name) => !sampled.has(name))).toEqual([]);
});

test.each(complete)("the README of %s lists every function that it exports", async (name) => {
  const rows = read(`packages/${name}/README.md`).split("\n").filter((line) => line.startsWith("|")); // prettier-ignore
  const listed = new Set(rows.flatMap((row) => row.match(/\w+/g) ?? []));
  const isClass = (x: unknown): boolean => /^class\b/.test(Function.prototype.toString.call(x));
  const functions = (await exported(`${name}/src/index.ts`)).filter(([, x]) => typeof x === "function" && !isClass(x));
  expect(functions.map(([key]) => key).filter((key) => !listed.has(key))).toEqual([]);
});
