// What makes operations of one's own refuses what it cannot make them of, when it is called.
import { expect, test } from "vitest";
import { elementwiseOp, rowOp } from "../src/index.ts";

test.each([
  [
    () => rowOp(3 as never, { operands: ["row"], write: (_, __, x) => [x] }),
    "rowOp: wanted a string as name, got number 3",
  ],
  [() => rowOp("mine", null as never), 'rowOp: wanted a row kernel { operands: ["row", …], write } as rows, got null'],
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
