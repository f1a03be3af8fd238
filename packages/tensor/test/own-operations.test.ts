// What makes operations of one's own refuses what it cannot make them of, when it is called.
import { expect, test } from "vitest";
import { applyFused, elementwiseOp, rowOp } from "../src/index.ts";
import { reference } from "./backend.ts";

test.each([
  [
    () => rowOp(3 as never, { operands: ["row"], write: (_, __, x) => [x] }),
    "rowOp: wanted a string as name, got number 3",
  ],
  [
    () => rowOp("mine", null as never),
    'rowOp: wanted a row kernel { operands: ["row", …], results, axis: (attrs) => …, write } as rows, got null',
  ],
  [() => rowOp("mine", { operands: ["row"], results: [], write: (_, __, x) => [x] }), /row kernel .* as rows/],
  [() => rowOp("mine", { operands: ["row"], axis: 0 as never, write: (_, __, x) => [x] }), /row kernel .* as rows/],
  [() => rowOp("mine", { operands: ["column"], write: (_, __, x) => [x] }), /row kernel .* as rows, got \{/],
  [() => rowOp("mine", { operands: ["row", "line" as never], write: (_, __, x) => [x] }), /row kernel .* as rows/],
  [
    () => rowOp("mine", { operands: ["row"], write: (_, __, x) => [x] }, {} as never),
    /rowOp: wanted a function as gradient/,
  ],
  [() => elementwiseOp("mine", undefined as never, () => []), /elementwiseOp: wanted a function as expression/],
  [() => elementwiseOp("mine", (_, x) => x!, undefined as never), /elementwiseOp: wanted a function as gradient/],
])("%s", (make, message) => {
  expect(make).toThrow(message);
});

const { tensor } = reference();
const x = tensor([[1, 2]]);
/** Adds what the attributes say. */
const adding = (number: "constant" | "number" | "integer") =>
  rowOp<{ readonly by: number }>("adding", {
    operands: ["row"],
    write: (k, { by }, y) => [k.add(y!, k.float(k[number](by)))],
  });

test("operands that it does not have are refused", () => {
  expect(() => applyFused(adding("number"), [x, x], { by: 1 })).toThrow("adding: wanted 1 operands, got 2");
});

test.each([
  ["constant", undefined, "adding: wanted a number as a constant, got undefined"],
  ["number", "2", /^adding: wanted a number as a number, got .*2/],
  ["integer", 1.5, /^adding: wanted an? .*integer.* as an integer, got number 1.5/],
  ["integer", 2 ** 31, /^adding: wanted .* as an integer, got number 2147483648/],
] as const)("a wrong %s (%s) is refused", (kind, by, message) => {
  expect(() => applyFused(adding(kind), [x], { by: by as never })).toThrow(message);
});
