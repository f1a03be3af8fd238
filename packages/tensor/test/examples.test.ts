// Every @example of the sources runs, and where a line ends in a value, or in the error that it throws, that is what it gives.
import { globSync, readFileSync } from "node:fs";
import * as autograd from "@weft/autograd";
import * as cpu from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import * as weft from "../src/index.ts";
import * as internals from "../src/internals.ts";

const root = new URL("..", import.meta.url);
const examples = globSync("src/**/*.ts", { cwd: root })
  .toSorted()
  .flatMap((file) =>
    [...readFileSync(new URL(file, root), "utf8").matchAll(/@example[ \n]([\s\S]*?)(?=\n *\* @| *\*\/)/g)].map((m) => ({
      file,
      code: m[1]!.replaceAll(/^ *\* ?/gm, "").trim(),
    })),
  );

test("there is an example for nearly every function", () => {
  expect(examples.length).toBeGreaterThan(130);
});

/** Numbers are equal to the rounding of f32. */
function close(got: unknown, wanted: unknown): void {
  if (!Array.isArray(wanted))
    return typeof wanted === "number" ? expect(got).toBeCloseTo(wanted, 5) : expect(got).toBe(wanted);
  expect(got).toHaveLength(wanted.length);
  wanted.forEach((w, i) => close((got as unknown[])[i], w));
}

const plain = (y: unknown): unknown =>
  weft.isTensor(y) ? y.arraySync() : Array.isArray(y) ? y.map((part) => plain(part)) : y;

/** A line `expression // value` or `expression // throws SomeError` says so to `check`; others stay. */
const checked = (line: string): string => {
  const [, code, name] = /^(.*?);? \/\/ throws (\w+)$/.exec(line) ?? [];
  if (name !== undefined) return `await check.throws(async () => ${code}, ${name});`;
  const [, expression, value] = /^(?!const )(.*?);? \/\/ (\[.*\]|-?[\d.]+|-?Infinity|NaN|true|false)$/.exec(line) ?? [];
  return value === undefined ? line : `check.close(await (${expression}), ${value});`;
};

const check = {
  close: (got: unknown, wanted: unknown) => close(plain(got), wanted),
  throws: (f: () => Promise<unknown>, type: new () => Error) => expect(f).rejects.toThrow(type),
};

test.each(examples)("$file: $code", async ({ code }) => {
  const backend = cpu.openSync({ seed: 1 });
  const x = backend.tensor([1, 2]);
  const known: Record<string, unknown> = { ...internals, ...autograd, ...weft, ...cpu, x, w: x, check, backend };
  for (const name of Object.keys(internals.creation(backend))) known[name] = backend[name as "tensor"];
  known["console"] = { log: () => {} };
  const body = `return (async () => {\n${code.split("\n").map(checked).join("\n")}\n})()`;
  await (new Function(...Object.keys(known), body)(...Object.values(known)) as Promise<void>);
});
