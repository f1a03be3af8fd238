// Embeddings of bags: the numbers are PyTorch's.
import { gradCheck, vjp } from "@weft/autograd";
import { IndexError, type Tensor } from "@weft/tensor";
import { openSync } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { embeddingBag } from "../src/index.ts";

const { tensor, arange } = openSync({});
const ints = (...data: number[]) => tensor(Int32Array.from(data));
const weight = tensor([[1, -2], [3, 4], [-5, 6]]); // oxfmt-ignore
const pairs = ints(0, 1, 2, 0).reshape([2, 2]);

test.each([
  ["sum", [[-1, 8], [0, 0], [3, 4]], [[1, 2], [6, 8], [1, 2]]], // oxfmt-ignore
  ["mean", [[-0.3333333, 2.6666667], [0, 0], [3, 4]], [[0.3333333, 0.6666667], [5.3333335, 6.6666665], [0.3333333, 0.6666667]]], // oxfmt-ignore
  ["max", [[3, 6], [0, 0], [3, 4]], [[0, 0], [6, 6], [0, 2]]], // oxfmt-ignore
] as const)("%s over bags between offsets", (mode, wanted, slopes) => {
  const [words, offsets] = [ints(0, 2, 1, 1), ints(0, 3, 3)];
  const [y, pullback] = vjp((w: Tensor) => embeddingBag(words, w, { offsets, mode }), weight);
  wanted.flat().forEach((v, i) => expect(y.dataSync()[i]).toBeCloseTo(v, 6));
  const [g] = pullback(arange(1, 7).reshape([3, 2]));
  slopes.flat().forEach((v, i) => expect(g!.dataSync()[i]).toBeCloseTo(v, 6));
});

test("padding counts for nothing, and weights are factors", () => {
  expect(embeddingBag(pairs, weight, { paddingIndex: 0 }).arraySync()).toEqual([[3, 4], [-5, 6]]); // oxfmt-ignore
  const weights = tensor([[0.5, 2], [1, -1]]); // oxfmt-ignore
  expect(embeddingBag(pairs, weight, { mode: "sum", weights }).arraySync()).toEqual([[6.5, 7], [-6, 8]]); // oxfmt-ignore
});

test("has gradients of rows and weights", async () => {
  const f64 = (data: number[], shape: number[]) => tensor(Float64Array.from(data), { shape });
  const rows = f64([1, -2, 3, 4, -5, 6], [3, 2]);
  const call = (w: Tensor, weights: Tensor) => embeddingBag(pairs, w, { mode: "sum", weights });
  await gradCheck(call, rows, f64([0.5, 2, 1, -1], [2, 2]));
});

test("refuses what does not fit", () => {
  expect(() => embeddingBag(ints(0, 1), weight)).toThrow("embeddingBag: wanted a matrix of indices");
  expect(() => embeddingBag(pairs, weight, { weights: pairs })).toThrow('embeddingBag: weights are for the mode "sum"');
  expect(() => embeddingBag(pairs, ints(1))).toThrow("embeddingBag: wanted a matrix of rows as weight, got shape [1]");
  expect(() => embeddingBag(ints(3).reshape([1, 1]), weight).dataSync()).toThrow(IndexError);
});

// PyTorch 1.13 itself takes the mean over more indices than it sums.
test.each(["sum", "mean", "max"] as const)("%s: the last offset ends the last bag", (mode) => {
  const options = { offsets: ints(0, 1, 2), includeLastOffset: true, mode };
  const [y, pullback] = vjp((w: Tensor) => embeddingBag(ints(0, 1, 2), w, options), weight);
  expect(y.arraySync()).toEqual([[1, -2], [3, 4]]); // oxfmt-ignore
  expect(pullback(arange(1, 5).reshape([2, 2]))[0]!.arraySync()).toEqual([[1, 2], [3, 4], [0, 0]]); // oxfmt-ignore
});

test.each([[[0, 9]], [[0, -1]], [[0, 2, 1]], [[1, 2]], [[0, 4, 4]]])("refuses offsets %j at the read", (bad) => {
  for (const mode of ["sum", "mean", "max"] as const)
    for (const includeLastOffset of [false, true]) {
      const y = embeddingBag(ints(0, 1, 2), weight, { offsets: ints(...bad), includeLastOffset, mode });
      expect(() => y.dataSync()).toThrow("embeddingBag: an index was outside its axis");
    }
  const none = { offsets: ints(), includeLastOffset: true };
  expect(() => embeddingBag(ints(0), weight, none)).toThrow("wanted at least one offset");
});
