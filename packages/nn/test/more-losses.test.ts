// The losses beside cross-entropy: gradients of both orders, limits, and messages. Their values and first gradients are
// tested by the golden vectors.
import { grad, gradCheck } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { IndexError, logSoftmax, mul, setAt, square, sum, where, type Operand, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import * as N from "../src/index.ts";

const { tensor, randn, rand, zeros } = openSync();
const i32 = (data: number[] | number[][]) => tensor(data, { dtype: "i32" });
const item = async (x: Tensor) => Number(await x.item());
const x = randn([3, 4], { seed: 1 });
const y = randn([3, 4], { seed: 2 });
const p = rand([3, 4], { seed: 3 }).mul(0.8).add(0.1);
const signs = tensor([1, -1, 1]);
const labels = i32([1, 3, 0]);
const weight = tensor([0.5, 1, 2, 1.5]);

const losses: Record<string, [(a: Tensor) => Tensor, Tensor]> = {
  "crossEntropy, weighted": [(a) => N.crossEntropy(a, labels, { weight, labelSmoothing: 0.1, ignoreIndex: 3 }), x],
  "nll, weighted": [(a) => N.nll(a, labels, { weight }), x],
  "bceWithLogits, weighted": [(a) => N.bceWithLogits(a, p, { weight, posWeight: weight }), x],
  bce: [(a) => N.bce(a, p), rand([3, 4], { seed: 4 }).mul(0.8).add(0.1)],
  focal: [(a) => N.focal(a, p, { alpha: 0.25, gamma: 1.5 }), x],
  smoothL1: [(a) => N.smoothL1(a, y), x],
  klDiv: [(a) => N.klDiv(a, p), x],
  poissonNll: [(a) => N.poissonNll(a, p, { full: true }), x],
  gaussianNll: [(a) => N.gaussianNll(x, y, square(a)), y],
  marginRanking: [(a) => N.marginRanking(a, y, p, { margin: 0.1 }), x],
  softMargin: [(a) => N.softMargin(a, y), x],
  multiMargin: [(a) => N.multiMargin(a, labels, { p: 2, weight }), x],
  multiLabelSoftMargin: [(a) => N.multiLabelSoftMargin(a, p), x],
  cosineEmbedding: [(a) => N.cosineEmbedding(a, y, signs, { margin: -0.5 }), x],
  tripletMargin: [(a) => N.tripletMargin(a, y, p, { swap: true }), x],
  ctc: [(a) => N.ctc(a.reshape([6, 2, 3]), i32([[1, 1], [2, 1]]), [6, 5], [2, 1]), randn([36], { seed: 5 })], // oxfmt-ignore
};

test.each(Object.entries(losses))("%s has gradients of both orders", async (_, [f, a]) => {
  await gradCheck(f, a);
  await gradCheck((z: Tensor) => sum(square(grad(f)(z))), a);
});

test("bce stays finite at 0 and 1, and is NaN beyond", async () => {
  expect(await item(N.bce(tensor([0, 1]), tensor([0, 1])))).toBe(0);
  expect(await item(N.bce(tensor([0, 1]), tensor([1, 0])))).toBe(100);
  expect(await N.bce(tensor([-0.1, 1.1]), tensor([1, 0]), { reduction: "none" }).array()).toEqual([NaN, NaN]);
  const g = await grad((z: Tensor) => N.bce(z, tensor([1, 0])))(tensor([0, 1])).array();
  expect(g).toEqual([-5e11, 5e11]);
});

test("smoothL1 and huber are finite in their gradients where a difference is infinite", async () => {
  for (const f of [N.smoothL1, N.huber])
    expect(
      await grad((a: Tensor) => f(a, tensor([0, 0]), { reduction: "sum" }))(tensor([Infinity, 0.5])).array(),
    ).toEqual([1, 0.5]);
});

test("smoothL1 and huber are parabolas where there is no difference, too", async () => {
  const second = (f: (a: Tensor) => Tensor) => grad((a: Tensor) => sum(grad((b: Tensor) => sum(f(b)))(a)));
  const x = tensor([0, 0.25, -0.25, 3]);
  const y = tensor([0, 0, 0, 0]);
  expect(await second((a) => N.huber(a, y, { reduction: "sum" }))(x).array()).toEqual([1, 1, 1, 0]);
  expect(await second((a) => N.smoothL1(a, y, { beta: 0.5, reduction: "sum" }))(x).array()).toEqual([2, 2, 2, 0]);
});

test("huber without a limit is half of the square", async () => {
  for (const delta of [Infinity, 1e300]) {
    const f = (a: Tensor) => N.huber(a, tensor([0, 0]), { delta, reduction: "none" });
    expect(await f(tensor([3, -1e10])).array()).toEqual([4.5, 5e19]);
    expect(await grad((a: Tensor) => sum(f(a)))(tensor([3, -0.5])).array()).toEqual([3, -0.5]);
  }
});

test("ctc neither sees nor moves scores beyond the lengths", async () => {
  const labels = i32([[1], [2]]);
  const f = (a: Tensor) => N.ctc(a, labels, [2, 3], [1, 1]);
  const scores = randn([3, 2, 3], { seed: 6 });
  const there = tensor([true, true, true, true, false, true]).reshape([3, 2, 1]);
  const wanted = (await grad(f)(scores).data()) as Float32Array;
  for (const bad of [NaN, Infinity]) {
    const dirty = where(there, scores, bad);
    expect(await item(f(dirty))).toBe(await item(f(scores)));
    expect(await grad(f)(dirty).data()).toEqual(wanted);
  }
});

test("klDiv counts targets of 0 as 0, and the gradient of the target is finite there", async () => {
  const target = tensor([[0, 1]]);
  expect(await item(N.klDiv(tensor([[-5, -1]]), target, { reduction: "sum" }))).toBe(1);
  expect(await grad((t: Tensor) => N.klDiv(tensor([[-5, -1]]), t, { reduction: "sum" }))(target).array()).toEqual([
    [5, 2],
  ]);
});

test("klDiv is 0 where a target is 0 and the probability is, too", async () => {
  const none = { reduction: "none" } as const;
  const impossible = tensor([-Infinity, -1]);
  expect(await N.klDiv(impossible, tensor([0, 1]), none).array()).toEqual([0, 1]);
  expect(await N.klDiv(impossible, tensor([-Infinity, 0]), { ...none, logTarget: true }).array()).toEqual([0, 1]);
  for (const [target, logTarget] of [
    [[0, 1], false],
    [[-Infinity, 0], true],
  ] as const)
    // oxfmt-ignore
    for (const z of [impossible, tensor([-2, -1])]) {
      const f = (a: Tensor) => N.klDiv(a, tensor(target), { reduction: "sum", logTarget });
      expect((await grad(f)(z).array()).map((g) => g + 0)).toEqual([0, -1]);
    }
  expect(await N.klDiv(impossible, 1, none).array()).toEqual([Infinity, 1]);
});

test("focal is flat where scores are right beyond doubt, whatever gamma", async () => {
  const scores = tensor([20, 50, 110, 800, -800]);
  const target = tensor([1, 1, 1, 1, 0]);
  for (const gamma of [0, 0.3, 0.5, 1, 1.5, 2]) {
    const f = (a: Tensor) => N.focal(a, target, { gamma, reduction: "sum" });
    for (const x of [f(scores), grad(f)(scores), grad((a: Tensor) => sum(grad(f)(a)))(scores)])
      for (const y of [await x.array()].flat()) expect(Math.abs(y)).toBeLessThan(1e-8);
  }
});

test("a number stands for a tensor of it", async () => {
  const [z, half] = [tensor([-1, 2]), tensor([0.5, 0.5])];
  const weighted = (a: Operand, t: Operand) => N.bceWithLogits(a, t, { posWeight: 2 });
  for (const f of [N.focal, N.bceWithLogits, weighted, N.klDiv, N.poissonNll, N.bce, N.huber]) {
    expect(await item(f(z, 0.5))).toBe(await item(f(z, half)));
    expect(await item(f(0.5, z))).toBe(await item(f(half, z)));
  }
});

test("losses are finite and flat where distances are 0", async () => {
  const g = grad((a: Tensor) => N.tripletMargin(a, x, y, { eps: 0 }))(x);
  expect((await g.array()).flat().every(Number.isFinite)).toBe(true);
  const h = grad((a: Tensor) => sum(N.pairwiseDistance(a, x, { eps: 0, p: 0.5 })))(x);
  expect((await h.array()).flat()).toEqual(Array.from({ length: 12 }, () => 0));
});

test("ctc: by enumeration of all paths", async () => {
  const scores = randn([4, 1, 3], { seed: 7 });
  const logs = (await logSoftmax(scores).reshape([4, 3]).array()) as number[][];
  const spelled = (path: number[]) => path.filter((c, t) => c !== 0 && c !== path[t - 1]).join();
  let likelihood = 0;
  for (let code = 0; code < 81; code++) {
    const path = [0, 1, 2, 3].map((t) => Math.floor(code / 3 ** t) % 3);
    if (spelled(path) === "1,2") likelihood += Math.exp(path.reduce((s, c, t) => s + logs[t]![c]!, 0));
  }
  expect(await item(N.ctc(scores, i32([[1, 2]]), [4], [2], { reduction: "sum" }))).toBeCloseTo(
    -Math.log(likelihood),
    9,
  );
  expect(await item(N.ctc(scores, i32([[1, 2]]), [4], [2]))).toBeCloseTo(-Math.log(likelihood) / 2, 9);
  // Lengths may be tensors, and labels behind them anything.
  const lengths = { input: i32([4]), labels: i32([2]) };
  const padded = N.ctc(scores, i32([[1, 2, -1]]), lengths.input, lengths.labels, { reduction: "sum" });
  expect(await item(padded)).toBeCloseTo(-Math.log(likelihood), 9);
});

test("ctc: labels that do not fit have an infinite loss, or none, and no gradient", async () => {
  const [scores, two] = [randn([2, 1, 3], { seed: 8 }), i32([[1, 1]])];
  expect(await item(N.ctc(scores, two, [2], [2]))).toBe(Infinity);
  expect(await item(N.ctc(scores, two, [2], [2], { zeroInfinity: true }))).toBe(0);
  const g = grad((s: Tensor) => N.ctc(s, two, [2], [2]))(scores);
  expect((await g.array()).flat(2)).toEqual([0, 0, 0, 0, 0, 0]);
  expect(await item(N.ctc(scores, i32([[1, 1]]), [0], [0]))).toBeCloseTo(0, 12);
  const wrong = N.ctc(scores, i32([[5]]), [2], [1]);
  await expect(wrong.item()).rejects.toThrow(IndexError);
});

test("ctc: NaN stays NaN in its sequence, and goes no further", async () => {
  const scores = setAt(zeros([3, 2, 3]), [0, 0, 1], NaN);
  for (const zeroInfinity of [false, true]) {
    const each = (s: Tensor) => N.ctc(s, i32([[1], [2]]), [3, 3], [1, 1], { reduction: "none", zeroInfinity });
    const [nan, other] = (await each(scores).array()) as number[];
    expect(nan).toBeNaN();
    expect(other).toBeCloseTo(1.5041, 4);
    const g = (await grad((s: Tensor) => sum(each(s)))(scores).array()) as number[][][];
    expect(g[0]![0]).toEqual([NaN, NaN, NaN]);
    [-1 / 6, 1 / 3, -1 / 6].forEach((v, i) => expect(g[0]![1]![i]).toBeCloseTo(v, 6));
  }
});

test("integers and booleans are computed in floats", async () => {
  expect(await item(N.smoothL1(i32([2147483647]), i32([-1])))).toBe(2147483647.5);
  expect(await item(N.bce(tensor([true, false]), tensor([1, 0])))).toBe(0);
  expect(await item(N.poissonNll(i32([0]), i32([3])))).toBe(1);
  expect(await item(N.multiMargin(i32([[1, 3, 0]]), i32([1])))).toBe(0);
  expect(await item(N.cosineEmbedding(i32([[1, 0]]), i32([[0, 2]]), i32([1])))).toBe(1);
});

const wrong: [string, () => unknown, string][] = [
  ["weights of other classes", () => N.crossEntropy(x, labels, { weight: signs }), "crossEntropy: wanted one weight per class, [4], got [3]"],
  ["a weight that enlarges the losses", () => N.bce(p, p, { weight: zeros([2, 3, 4]) }), "bce: weight [2, 3, 4] does not broadcast to the losses' shape [3, 4]"],
  ["targets of another shape", () => N.klDiv(x, weight), "klDiv: predictions [3, 4] and targets [4] differ; reshape one"],
  ["targets that enlarge the losses", () => N.gaussianNll(weight, x, 1), "gaussianNll: target [3, 4] does not broadcast to the losses' shape [4]"],
  ["one label for three rows", () => N.multiMargin(x, i32([1])), "multiMargin: scores [3, 4] want labels [3], one per row, got [1]"],
  ["labels of another shape", () => N.multiLabelMargin(x, labels), "multiLabelMargin: wanted scores [N, C] or [C] and labels of the same shape, padded with −1, got [3, 4] and [3]"],
  ["vectors of two lengths", () => N.cosineEmbedding(x, weight, signs), "cosineEmbedding: wanted vectors [N, D] twice and targets [N], got [3, 4], [4] and [3]"],
  ["triplets of two shapes", () => N.tripletMargin(x, y, weight), "tripletMargin: wanted one shape, got [3, 4], [3, 4] and [4]"],
  ["a norm and a distance", () => N.tripletMargin(x, y, p, { p: 1, distance: mul }), "tripletMargin: p and eps belong to the norm, and a distance is given in its place"],
  ["scores without time", () => N.ctc(weight, labels, [1], [1]), "ctc: wanted scores [T, N, C] or [T, C], got [4]"],
  ["too long an input", () => N.ctc(x, labels, [4], [1]), "ctc: wanted whole numbers up to 3 as inputLengths, got 4"],
  ["lengths of another batch", () => N.ctc(x, labels, [3, 3], [1]), "ctc: wanted inputLengths of shape [1], got [2]"],
  ["more labels than there are", () => N.ctc(x, labels, [3], [4]), "ctc: labelLengths go up to 4, but the labels are [1, 3]"],
  ["a blank that is no class", () => N.ctc(x, labels, [3], [1], { blank: 4 }), "ctc: wanted one of the 4 classes as blank, got 4"],
]; // oxfmt-ignore
test.each(wrong)("refuses %s", (_, f, message) => {
  expect(f).toThrow(message);
});
