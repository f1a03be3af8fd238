// The formulas of composed functions have the right derivatives where such formulas tend to fail: at kinks, ties, zeros and
// infinities. Each row has the derivatives of orders 1, 2, … of the sum of the results.
import { expect, test } from "vitest";
import { grad } from "@weft/autograd";
import * as weft from "../src/index.ts";
import type { NestedArray, Tensor } from "../src/index.ts";
import { reference } from "./backend.ts";

const { tensor } = reference();

type Row = [what: string, f: (x: Tensor) => Tensor, at: NestedArray, ...derivatives: NestedArray[]];
const rows: Row[] = [
  ["softplus at 0", weft.softplus, [0], [1 / 2], [1 / 4], [0]],
  ["softplus far out", weft.softplus, [-1000, 1000], [0, 1], [0, 0]],
  ["elu at 0", (x) => weft.elu(x, { alpha: 2 }), [0, 1000], [2, 1], [2, 0]],
  ["leakyRelu at 0", weft.leakyRelu, [0], [0.01], [0]],
  ["hardSigmoid at its corners", weft.hardSigmoid, [-3, 0, 3, 4], [0, 1 / 6, 0, 0], [0, 0, 0, 0]],
  ["xlogy at 0", (x) => weft.xlogy(x, weft.add(x, 2)), [0], [Math.log(2)], [1]],
  ["clamp on its bounds", (x) => weft.clamp(x, { min: -1, max: 1 }), [-2, -1, 0, 1, 2], [0, 1, 1, 1, 0]],
  ["gelu at 0", weft.gelu, [0], [1 / 2], [Math.sqrt(2 / Math.PI)]],
  ["x⁰ at 0", (x) => weft.add(weft.pow(x, 0), x), [0], [1], [0]],
  ["x² at 0", (x) => weft.pow(x, 2), [0], [0], [2], [0]],
  ["x³ at 0", (x) => weft.pow(x, 3), [0], [0], [0], [6]],
  [
    "norm at 0",
    (x) => weft.norm(x, { axis: 1 }),
    [
      [0, 0],
      [3, 4],
    ],
    [
      [0, 0],
      [0.6, 0.8],
    ],
    [
      [0, 0],
      [0.032, -0.024],
    ],
  ],
  ["std of equal elements", weft.std, [2, 2, 2], [0, 0, 0], [0, 0, 0]],
  ["prod with a zero", weft.prod, [0, 2, 3], [6, 0, 0], [5, 3, 2], [2, 2, 2]],
  ["prod with two zeros", weft.prod, [0, 0, 5], [0, 0, 0], [5, 5, 0], [2, 2, 2]],
  ["logSumExp of a tie", weft.logSumExp, [7, 7], [1 / 2, 1 / 2], [0, 0]],
  ["logSumExp of a tie, squared", (x) => weft.square(weft.logSumExp(x)), [0, 0], [Math.LN2, Math.LN2], [1, 1]],
  ["logSumExp of nothing but -∞", weft.logSumExp, [-Infinity, -Infinity], [0, 0], [0, 0]],
  ["logSumExp with one -∞", weft.logSumExp, [-Infinity, 0], [0, 1], [0, 0]],
  ["softmax of a tie", (x) => weft.square(weft.softmax(x)), [0, 0], [0, 0], [0, 0]],
  ["softmax far out", (x) => weft.square(weft.softmax(x)), [1000, -1000], [0, 0], [0, 0]],
  ["logSoftmax of a tie", (x) => weft.mul(weft.logSoftmax(x), x), [1, 1], [-Math.LN2, -Math.LN2], [0, 0]],
  ["max of a tie", (x) => weft.max(weft.square(x)), [2, -2, 1], [2, -2, 0], [1, 1, 0]],
  ["sort", (x) => weft.mul(weft.sort(x).values, tensor([1, 2, 4])), [1, 5, 0], [2, 4, 1], [0, 0, 0]],
  [
    "the diagonal",
    (x) => weft.einsum("ii->i", weft.square(x)),
    [
      [1, 2],
      [3, 4],
    ],
    [
      [2, 0],
      [0, 8],
    ],
    [
      [2, 0],
      [0, 2],
    ],
  ],
];

/** Numbers that are equal to rounding. */
function close(got: unknown, wanted: unknown): void {
  if (!Array.isArray(wanted)) return expect(got as number).toBeCloseTo(wanted as number, 12);
  wanted.forEach((w, i) => close((got as unknown[])[i], w));
}

test.each(rows)("%s", (_, f, at, ...derivatives) => {
  let total = (x: Tensor): Tensor => weft.sum(f(x));
  for (const wanted of derivatives) {
    const slope = grad(total);
    close(slope(tensor(at, { dtype: "f64" })).arraySync(), wanted);
    total = (x) => weft.sum(slope(x));
  }
});
