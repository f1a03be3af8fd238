// What packages export is documented with an example (which tests of the packages run), and each operation has samples.
import { join } from "node:path";
import { collections, goldenCases } from "@weft/conformance";
import { expect, test } from "vitest";
import { collections as ofNn } from "../packages/nn/test/samples.ts";
import { files, read, root } from "./source-graph.ts";

/** Packages in which every export has an example. */
const complete = ["tensor", "autograd", "formats", "optim", "nn", "data", "train"];

/** What a file exports; of a module that it exports as a whole, such as `metrics`, what that exports. */
const exported = async (file: string): Promise<[string, unknown][]> =>
  Object.entries((await import(join(root, "packages", file))) as object).flatMap((entry): [string, unknown][] =>
    Object.prototype.toString.call(entry[1]) === "[object Module]" ? Object.entries(entry[1] as object) : [entry],
  );

const declaration =
  /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(?:\/\/.*\s*)*export (?:async )?(?:abstract )?(?:function|const|class) (\w+)/g;
/** The type of a function, with a doc comment for its call, which editors show there. */
const callable = /export interface (\w+) \{\s*\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*[(<]/g;
const typed = /export const (\w+): (\w+) =/g;

/** The names that a package declares below a doc comment with an example, or with a type that has one. */
const documentedIn = (name: string): Set<string> => {
  const texts = files(`packages/${name}/src/**/*.ts`).map(read);
  const found = (pattern: RegExp, pick: (match: RegExpExecArray) => string | []): string[] =>
    texts.flatMap((text) => [...text.matchAll(pattern)].flatMap(pick));
  const types = new Set(found(callable, ([, type, comment]) => (comment!.includes("@example") ? type! : [])));
  return new Set([
    ...found(declaration, ([, comment, declared]) => (comment!.includes("@example") ? declared! : [])),
    ...found(typed, ([, declared, type]) => (types.has(type!) ? declared! : [])),
  ]);
};

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

/** Files of functions that are no operations. What returns promises has cases of its own in conformance. */
const around = {
  tensor: ["apply", "errors", "expression", "finite", "profile", "reading", "row-op", "scope", "selection/counted"],
  nn: [
    "../../autograd/src/index",
    "../../formats/src/index",
    "clone",
    "copy-into",
    "ema",
    "freeze",
    "functional",
    "host-random",
    "initializers",
    "layer",
    "no-files",
    "parameter",
    "place",
    "recurrent/knet-weights",
    "recurrent/packed",
    "recurrent/parameters",
    "state",
    "structured-initializers",
    "summary",
    "tree",
    "truncated-normal",
  ],
};

/** The names of a package's operations: functions that are neither classes nor layers. */
async function operationsOf(name: keyof typeof around): Promise<string[]> {
  const files = await Promise.all(around[name].map((file) => exported(`${name}/src/${file}.ts`)));
  const others = new Set(files.flat().map(([key]) => key));
  const all = await exported(`${name}/src/index.ts`);
  return all.flatMap(([key, f]) => (typeof f === "function" && /^[a-z]/.test(key) && !others.has(key) ? key : []));
}

test.each([
  ["tensor", collections, 100],
  ["nn", ofNn, 40],
] as const)("every operation of %s has samples", async (name, lists, least) => {
  const sampled = new Set(lists.flatMap(({ samples }) => Object.keys(samples)));
  const names = await operationsOf(name);
  expect(names.length).toBeGreaterThan(least);
  expect(names.filter((name) => !sampled.has(name))).toEqual([]);
});

/** Operations without golden values, each with the reason. */
const withoutGolden: Readonly<Record<string, string>> = {
  alphaDropout: "random",
  bernoulli: "random",
  dropout: "random",
  exponential: "random",
  multinomial: "random",
  permutation: "random",
  rnn: "there are values of it under the names rnnTanh and rnnRelu",
  truncatedNormal: "random",
};

// The reference computes a composed function by the same formula as every backend, and would not notice a wrong one.
test("every operation has golden values, those of nn, too", async () => {
  const golden = new Set(Object.values(goldenCases).flatMap((cases) => cases.map(({ op }) => op)));
  const names = [...(await operationsOf("tensor")), ...(await operationsOf("nn"))];
  expect(names.filter((name) => golden.has(name) === name in withoutGolden)).toEqual([]);
  // A case of no function would not run.
  const known = new Set([...names, "rnnTanh", "rnnRelu"]);
  expect([...golden].filter((name) => !known.has(name))).toEqual([]);
});

test.each(complete)("the README of %s lists every function that it exports", async (name) => {
  const rows = read(`packages/${name}/README.md`).split("\n").filter((line) => line.startsWith("|")); // prettier-ignore
  const listed = new Set(rows.flatMap((row) => row.match(/\w+/g) ?? []));
  const isClass = (x: unknown): boolean => /^class\b/.test(Function.prototype.toString.call(x));
  const functions = (await exported(`${name}/src/index.ts`)).filter(([, x]) => typeof x === "function" && !isClass(x));
  expect(functions.map(([key]) => key).filter((key) => !listed.has(key))).toEqual([]);
});
