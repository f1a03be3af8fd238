// Sums of a million terms keep their digits, in whatever kernel they are taken.
import * as T from "@weft/tensor";
import { softmaxGradOp } from "@weft/tensor/internals";
import type { Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import { openSync } from "../src/index.ts";

const b = openSync({});
const n = 1_000_000;
const tenth = Math.fround(0.1);
const full = (...shape: number[]): Tensor => b.full(shape, 0.1);
const places = (count: number): Tensor => b.zeros([count], { dtype: "i32" });
const turned = (x: Tensor): Tensor => T.transpose(x);
const convolution = { stride: [1, 1], padding: [both(0), both(0)], dilation: [1, 1], groups: 1 } as const;
function both(p: number): readonly [number, number] {
  return [p, p];
}
/** Equal terms make equal roundings, which add up: the hardest case for a sum. */
const product = n * tenth * tenth;

const sums: [string, () => Tensor, number][] = [
  ["sum", () => T.sum(T.add(full(n), 0)), n * tenth],
  ["sum of columns", () => T.sum(T.add(full(n, 3), 0), { axis: 0 }), n * tenth],
  ["mean", () => T.mean(full(n)), tenth],
  ["variance", () => T.variance(b.arange(n)), (n * n - 1) / 12],
  ["norm", () => T.norm(full(n)), Math.sqrt(n) * tenth],
  ["cumsum", () => T.slice(T.cumsum(full(n)), { starts: [n - 1] }), n * tenth],
  ["dot", () => T.dot(full(n), full(n)), product],
  ["matmul of vectors", () => T.matmul(full(n), full(n)), product],
  ["matmul, a row and five columns", () => T.matmul(full(1, n), full(n, 5)), product],
  ["matmul, five rows and a column", () => T.matmul(full(5, n), full(n, 1)), product],
  ["matmul, five rows and five columns", () => T.matmul(full(5, n), full(n, 5)), product],
  ["matmul, rows and rows", () => T.matmul(full(5, n), turned(full(5, n))), product],
  ["matmul, columns and a column", () => T.matmul(turned(full(n, 5)), full(n, 1)), product],
  ["matmul, columns and columns", () => T.matmul(turned(full(n, 5)), full(n, 5)), product],
  ["matmul, 20 columns and 20 columns", () => T.matmul(turned(full(n, 20)), full(n, 20)), product],
  ["matmul in batches", () => T.matmul(T.add(full(2, 1, n / 2), 0), T.add(full(2, n / 2, 3), 0)), product / 2],
  ["softmax", () => T.sum(T.softmax(full(1, n))), 1],
  ["logSoftmax", () => T.logSoftmax(full(1, n)), -Math.log(n)],
  ["logSumExp", () => T.logSumExp(full(n)), tenth + Math.log(n)],
  ["average pooling", () => T.avgPool(full(1, 1, 1000, 1000), { window: 1000 }), tenth],
  ["indexAdd", () => T.indexAdd(b.zeros([1]), places(n), full(n)), n * tenth],
  ["indexAdd of rows", () => T.indexAdd(b.zeros([3, 2]), places(n / 2), full(n / 2, 2)), (n / 2) * tenth],
  ["indexAdd to one of many rows", () => T.sum(T.indexAdd(b.zeros([n]), places(9000), full(9000))), 9000 * tenth],
  [
    "indexAdd along axis 1",
    () => T.indexAdd(b.zeros([2, 3]), places(n / 2), full(2, n / 2), { axis: 1 }),
    (n / 2) * tenth,
  ],
  ["scatterAdd", () => T.scatterAdd(b.zeros([1]), places(n), full(n)), n * tenth],
  ["conv", () => T.conv(full(1, 10, 100, 100), full(2, 10, 100, 100)), product / 10],
  ["convWeightGrad", () => T.apply("convWeightGrad", [full(100, 1, 100, 100), full(100, 2, 100, 100)], { ...convolution, kernelSize: [1, 1] }), product], // prettier-ignore
  ["convInputGrad", () => T.apply("convInputGrad", [full(1, n / 10, 1, 1), full(n / 10, 1, 1, 1)], { ...convolution, inputSize: [1, 1] }), product / 10], // prettier-ignore
];

test.each(sums)("%s", (_name, run, wanted) => {
  const y = T.scope(run).dataSync()[0]!;
  expect(Math.abs(y / wanted - 1)).toBeLessThan(2e-5);
});

test("softmax over ten million sums to 1, and its gradient's sum is as good", () => {
  const y = T.scope(() => T.softmax(b.full([1, 10 * n], 0.1)));
  expect(T.sum(y).itemSync()).toBeCloseTo(1, 6);
  const g = T.scope(() => T.applyFused(softmaxGradOp, [y, b.full([1, 10 * n], 0.1)], { axis: 1 })[0]!);
  expect(Math.abs(g.dataSync()[5]!)).toBeLessThan(1e-13); // (g - Σ g·y)·y, where Σ g·y is g
});

test("crowded and lone rows of one indexAdd, and an index out of range", async () => {
  const indices = Int32Array.from({ length: 3000 }, (_, i) => (i % 3 === 0 ? 2 : i % 3 === 1 ? 5 : i % 500));
  const wanted = new Float64Array(500).fill(1);
  indices.forEach((i) => wanted[i]!++);
  const y = T.indexAdd(b.ones([500, 3]), b.tensor(indices), b.ones([3000, 3])).dataSync();
  wanted.forEach((w, i) => expect([...y.subarray(3 * i, 3 * i + 3)]).toEqual([w, w, w]));
  indices[7] = 500;
  expect(() => T.indexAdd(b.ones([500, 3]), b.tensor(indices), b.ones([3000, 3])).dataSync()).toThrow(/500/);
});

test("more than 2³¹ terms are counted, along one axis or several; 2³² along one are refused by name", () => {
  const half = (...shape: number[]): Tensor => T.broadcastTo(b.tensor([0.5]), shape);
  expect(T.sum(half(2 ** 31)).itemSync()).toBe(2 ** 30);
  expect(T.sum(half(2 ** 16, 2 ** 15)).itemSync()).toBe(2 ** 30);
  expect(T.max(half(2 ** 31 + 1)).itemSync()).toBe(0.5);
  expect(() => T.sum(half(2 ** 32 + 2)).itemSync()).toThrow(/sum: shape \[4294967298\].*2³²/);
});
