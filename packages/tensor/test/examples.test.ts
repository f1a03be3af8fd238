// Every @example of the sources of the form `expression // value` is true.
import { globSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as weft from "../src/index.ts";
import { reference } from "./backend.ts";

const sources = globSync("src/**/*.ts", { cwd: new URL("..", import.meta.url) }).toSorted();
const examples = sources.flatMap((file) =>
  [
    ...readFileSync(new URL(`../${file}`, import.meta.url), "utf8").matchAll(/@example (.+?) \/\/ (.+?)(?: \*\/)?$/gm),
  ].map(([, code, value]) => ({ file, code: code!, value: value! })),
);

test("there is an example for nearly every function", () => {
  expect(examples.length).toBeGreaterThan(110);
});

/** Numbers are equal to rounding. */
function close(got: unknown, wanted: unknown): void {
  if (!Array.isArray(wanted)) return expect(got as number).toBeCloseTo(wanted as number, 12);
  expect(got).toHaveLength(wanted.length);
  wanted.forEach((w, i) => close((got as unknown[])[i], w));
}

test.each(examples)("$file: $code // $value", async ({ code, value }) => {
  const scope = { ...weft, ...reference() };
  const run = (text: string): unknown => new Function(...Object.keys(scope), `return ${text}`)(...Object.values(scope));
  const y = run(code) as weft.Tensor | weft.Tensor[];
  const got = Array.isArray(y) ? y.map((part) => part.arraySync()) : await y.array();
  close(got, new Function(`return ${value}`)());
});
