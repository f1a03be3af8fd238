// Each option of a function or a layer of `tensor` and `nn` is used by one of its samples or golden cases. What options there are is
// what `readOptions` is asked for while these run; only options that a sample itself passes count. (Not those of creation
// and initializers, nor of the calls of layers.)
import { collections, conformance, golden, openSync, results, upload } from "@weft/conformance";
import { scope } from "@weft/tensor";
import { expect, test, vi } from "vitest";
import { goldenFiles, goldenFunctions } from "../packages/nn/test/golden-functions.ts";
import { collections as ofNn, layers } from "../packages/nn/test/samples.ts";

/** The exported function that runs and has not read its options yet, and the options of each that are known and used. */
const seen = vi.hoisted(() => ({
  running: undefined as string | undefined,
  depth: 0,
  known: new Map<string, Set<string>>(),
  used: new Map<string, Set<string>>(),
}));

/** The functions of a module, which say when they run. */
const telling = vi.hoisted(() => (module: Readonly<Record<string, unknown>>) => {
  // Samples run within a scope.
  const isFunction = (f: unknown): f is object =>
    typeof f === "function" && !/^class\b/.test(String(f)) && f !== module["scope"];
  const told = ([name, f]: [string, unknown]): [string, unknown] => [
    name,
    isFunction(f) ? new Proxy(f, { apply: (target, self, args) => call(name, target, self, args) }) : f,
  ];
  const call = (name: string, ...of: readonly unknown[]): unknown => {
    if (seen.depth++ === 0) seen.running = name;
    try {
      return Reflect.apply(...(of as Parameters<typeof Reflect.apply>));
    } finally {
      seen.depth--;
    }
  };
  return Object.fromEntries(Object.entries(module).map(told));
});

vi.mock("../packages/tensor/src/options.ts", async (original) => {
  const module = await original<typeof import("../packages/tensor/src/options.ts")>();
  const note = (table: Map<string, Set<string>>, op: string, names: readonly string[]): void => {
    table.set(op, new Set([...(table.get(op) ?? []), ...names]));
  };
  const readOptions: typeof module.readOptions = (op, given, kinds, defaults) => {
    if (op === seen.running) {
      seen.running = undefined;
      note(seen.known, op, Object.keys(kinds));
      const options = Object.entries(given ?? {});
      note(
        seen.used,
        op,
        options.flatMap(([name, x]) => (x === undefined ? [] : [name])),
      );
    }
    return module.readOptions(op, given, kinds, defaults);
  };
  return { ...module, readOptions };
});
vi.mock("../packages/tensor/src/index.ts", async (original) => telling(await original()));
vi.mock("../packages/nn/src/index.ts", async (original) => telling(await original()));

/** Options that a function knows only to refuse them with a better message. */
const refused = ["rnn: projection", "rnn: peepholes", "gru: projection", "gru: peepholes"];

test("each option is used by a sample or a golden case", async () => {
  const backend = openSync();
  for (const { samples } of [...collections, ...ofNn, ...layers])
    for (const sample of Object.values(samples).flat()) scope(() => void results(sample, upload(backend, sample)));
  const open = async () => backend;
  const cases = [
    ...golden(open, { known: true }),
    ...golden(open, { known: true, files: goldenFiles, functions: goldenFunctions }),
    ...conformance("", open).filter(({ name }) => name.includes("a size that depends on values")),
  ];
  for (const { run } of cases) await run();
  expect(seen.known.size).toBeGreaterThan(100);
  const unused = [...seen.known].flatMap(([op, names]) =>
    [...names].filter((name) => !seen.used.get(op)!.has(name)).map((name) => `${op}: ${name}`),
  );
  expect(unused).toEqual(refused);
});
