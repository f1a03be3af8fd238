// Scans, order statistics and norms against numbers that PyTorch gives, and what it takes to compute them.
import { expect, test } from "vitest";
import * as weft from "../src/index.ts";
import { reference } from "./backend.ts";
import { Recorder } from "./recorder.ts";

const backend = reference();
const f64 = (data: Parameters<typeof backend.tensor>[0]) => backend.tensor(data, { dtype: "f64" });
const [a, b, c] = [
  [1, NaN, 3, 2],
  [Infinity, -Infinity, 0, 1],
  [2, 1, 2, 1],
];
const x = f64([a, b, c]);
const y = f64([
  [3, 1, 4, 1, 5],
  [9, 2, 6, 5, 3],
]);
const rows = { axis: 1 };

/** Each function with what PyTorch 1.13 computes. */
const table: [name: string, got: weft.Tensor, wanted: unknown][] = [
  ["cumprod", weft.cumprod(f64([2, 0, 3, -1])), [2, 0, 0, -0]],
  [
    "logCumSumExp",
    weft.logCumSumExp(f64([0, 1, -Infinity, 2])),
    [0, 1.3132616875182228, 1.3132616875182228, 2.40760596444438],
  ],
  ["cummax", weft.cummax(f64([1, 3, 3, 2, NaN, 4])).values, [1, 3, 3, 3, NaN, NaN]],
  ["cummax", weft.cummax(f64([1, 3, 3, 2, NaN, 4])).indices, [0, 1, 2, 2, 4, 4]],
  [
    "cumprod, reverse",
    weft.cumprod(
      f64([
        [2, 5],
        [3, -1],
      ]),
      { axis: 0, reverse: true },
    ),
    [6, -5, 3, -1],
  ],
  ["logCumSumExp, reverse", weft.logCumSumExp(f64([-1000, 0, 0]), { reverse: true }), [Math.LN2, Math.LN2, 0]],
  ["cummax, reverse", weft.cummax(f64([1, 3, 3, 2]), { reverse: true }).values, [3, 3, 3, 2]],
  ["cummax, reverse: places", weft.cummax(f64([1, 3, 3, 2]), { reverse: true }).indices, [1, 1, 2, 3]],
  ["cummin, reverse: places", weft.cummin(f64([4, NaN, 3, 5]), { reverse: true }).indices, [1, 1, 2, 3]],
  ["cummin", weft.cummin(f64([1, 3, 3, 2, NaN, 4])).indices, [0, 0, 0, 0, 4, 4]],
  [
    "difference",
    weft.difference(y, { n: 2 }),
    [
      [5, -6, 7],
      [11, -5, -1],
    ],
  ],
  [
    "difference",
    weft.difference(y, { axis: 0, prepend: 0 }),
    [
      [3, 1, 4, 1, 5],
      [6, 1, 2, 4, -2],
    ],
  ],
  ["trapezoid", weft.trapezoid(y, { x: f64([0, 1, 3, 4, 8]) }), [21.5, 35]],
  [
    "cumulativeTrapezoid",
    weft.cumulativeTrapezoid(y, { dx: 0.5 }),
    [
      [1, 2.25, 3.5, 5],
      [2.75, 4.75, 7.5, 9.5],
    ],
  ],
  ["median", weft.median(weft.slice(y, { ends: [2, 4] }), rows), [1, 5]],
  ["medianWithIndices", weft.medianWithIndices(x, rows).indices, [1, 2, 3]],
  ["median", weft.median(x, rows), [NaN, 0, 1]],
  ["nanMedian", weft.nanMedian(x, rows), [2, 0, 1]],
  ["sort, descending", weft.sort(f64([2, NaN, Infinity, NaN, 3]), { descending: true }).indices, [1, 3, 2, 4, 0]],
  ["topK", weft.topK(f64([2, NaN, Infinity, 3]), 2).values, [NaN, Infinity]],
  ["topK, the smallest", weft.topK(f64([2, NaN, Infinity, 3]), 3, { largest: false }).indices, [0, 3, 2]],
  ["kthValue", weft.kthValue(y, 2).values, [1, 3]],
  ["kthValue", weft.kthValue(y, 2).indices, [3, 4]],
  [
    "mode",
    weft.mode(
      f64([
        [2, 1, 2, 1, 3],
        [5, 5, 4, 4, 4],
      ]),
    ).values,
    [1, 4],
  ],
  [
    "mode",
    weft.mode(
      f64([
        [2, 1, 2, 1, 3],
        [5, 5, 4, 4, 4],
      ]),
    ).indices,
    [3, 4],
  ],
  [
    "quantile",
    weft.quantile(y, [0.1, 0.6], rows),
    [
      [1, 2.4],
      [3.4, 5.4],
    ],
  ],
  [
    "quantile",
    weft.quantile(y, [0.1, 0.6], { axis: 1, interpolation: "lower" }),
    [
      [1, 2],
      [3, 5],
    ],
  ],
  [
    "quantile",
    weft.quantile(y, [0.1, 0.6], { axis: 1, interpolation: "higher" }),
    [
      [1, 3],
      [4, 6],
    ],
  ],
  [
    "quantile",
    weft.quantile(y, [0.1, 0.6], { axis: 1, interpolation: "nearest" }),
    [
      [1, 2],
      [3, 5],
    ],
  ],
  [
    "quantile",
    weft.quantile(y, [0.1, 0.6], { axis: 1, interpolation: "midpoint" }),
    [
      [1, 2.5],
      [3.5, 5.5],
    ],
  ],
  ["quantile", weft.quantile(f64(a!), 0.5), NaN],
  ["nanQuantile", weft.nanQuantile(f64(a!), [0.25, 0.5]), [1.5, 2]],
  ["nanSum", weft.nanSum(x, rows), [6, NaN, 6]],
  ["nanMean", weft.nanMean(x, rows), [2, NaN, 1.5]],
  ["nanMax", weft.nanMax(x, { axis: 0 }), [Infinity, 1, 3, 2]],
  ["nanMin", weft.nanMin(x, { axis: 0 }), [1, -Infinity, 0, 1]],
  ["countNonzero", weft.countNonzero(x, { axis: 0 }), [3, 3, 2, 3]],
  ["norm, p = 0", weft.norm(y, { axis: 1, p: 0 }), [5, 5]],
  ["norm, p = 0.5", weft.norm(y, { axis: 1, p: 0.5 }), [63.490916972964165, 117.32836979428498]],
  ["norm, p = 1", weft.norm(y, { axis: 1, p: 1 }), [14, 25]],
  ["norm, p = 3", weft.norm(y, { axis: 1, p: 3 }), [6.018461654806452, 10.338418124145411]],
  ["norm, p = -1", weft.norm(y, { axis: 1, p: -1 }), [0.3592814371257485, 0.7627118644067796]],
  ["norm, p = ∞", weft.norm(y, { axis: 1, p: Infinity }), [5, 9]],
  ["norm, p = -∞", weft.norm(y, { axis: 1, p: -Infinity }), [1, 2]],
  [
    "cov",
    weft.cov(y),
    [
      [3.2, 0.75],
      [0.75, 7.5],
    ],
  ],
  [
    "cov with weights",
    weft.cov(y, {
      correction: 0,
      fweights: backend.tensor([1, 2, 1, 3, 1], { dtype: "i32" }),
      aweights: f64([0.5, 1, 2, 1, 0.25]),
    }),
    [
      [2.031217481789802, 1.3652445369406867],
      [1.3652445369406867, 3.6378772112382936],
    ],
  ],
  [
    "corrcoef",
    weft.corrcoef(y),
    [
      [1, 0.15309310892394865],
      [0.15309310892394862, 1],
    ],
  ],
];

const flat = (nested: unknown): number[] => [nested].flat(Infinity) as number[];

test.each(table)("%s is what PyTorch computes", (_, got, wanted) => {
  const numbers = flat(got.arraySync());
  expect(numbers).toHaveLength(flat(wanted).length);
  flat(wanted).forEach((number, i) =>
    Number.isNaN(number) ? expect(numbers[i]).toBeNaN() : expect(numbers[i]).toBeCloseTo(number, 12),
  );
});

test("a scalar is a vector of one element to functions along an axis, as in PyTorch", () => {
  const one = f64(7);
  for (const f of [weft.cumsum, weft.cumprod, weft.logCumSumExp]) expect(f(one, { axis: -1 }).shape).toEqual([]);
  for (const f of [weft.sort, weft.cummax, weft.mode]) expect(f(one, { axis: 0 }).values.shape).toEqual([]);
  expect(weft.topK(one, 1).values.shape).toEqual([]);
  expect(weft.argsort(one).arraySync()).toBe(0);
  expect(weft.argmax(one, { axis: 0 }).arraySync()).toBe(0);
  for (const f of [weft.sum, weft.max, weft.mean, weft.median]) expect(f(one, { axis: -1 }).arraySync()).toBe(7);
  for (const f of [weft.sum, weft.logSumExp]) expect(f(one, { axis: [0], keepDims: true }).shape).toEqual([]);
  expect(weft.transpose(one, 0, -1).shape).toEqual([]);
  expect(() => weft.transpose(one, 0, 1)).toThrow("transpose: axis 1 is out of range for shape [1]");
  expect(() => weft.sum(one, { axis: 1 })).toThrow("sum: axis 1 is out of range for shape []: a scalar has no axes");
});

test("no difference at all is x itself, without what stands beside it", () => {
  expect(weft.difference(y, { n: 0, prepend: 1, append: y }).arraySync()).toEqual(y.arraySync());
});

test("what has no value is refused", () => {
  const nothing = backend.zeros([0, 3]);
  const message = (op: string) => `${op}: cannot take the ${op} over an empty axis: axis 0 of shape [0, 3]`;
  expect(() => weft.median(nothing)).toThrow(message("median"));
  expect(() => weft.mode(nothing, { axis: 0 })).toThrow(message("mode"));
  expect(() => weft.quantile(nothing, 0.5, { axis: 0 })).toThrow(message("quantile"));
  expect(() => weft.norm(nothing, { p: Infinity })).toThrow("norm: cannot take the max over an empty axis");
  expect(weft.median(nothing, { axis: 1 }).shape).toEqual([0]);
  expect(() => weft.kthValue(y, 6)).toThrow("kthValue: k 6 must be an integer from 1 to 5, the size of the axis");
  expect(() => weft.quantile(y, 1.5)).toThrow("quantile: wanted a number from 0 to 1 as q, got number 1.5");
  expect(weft.quantile(y, f64([-0.1, 0, 2])).arraySync()).toEqual([NaN, 1, NaN]);
  expect(() => weft.difference(f64(1))).toThrow("difference: a scalar has no neighbors");
  expect(() => weft.trapezoid(y, { x: f64([1, 2]) })).toThrow("wanted 5 positions x, one per element along axis 1");
  expect(() => weft.cov(y, { aweights: f64([1]) })).toThrow("cov: wanted one number per observation as aweights, [5]");
  expect(() => weft.cov(backend.zeros([2, 2, 2]))).toThrow("cov: wanted a vector or a matrix");
});

test("a scan takes few operations, and loses few digits on a long axis", () => {
  const recorder = new Recorder();
  weft.cumprod(recorder.of([1000]));
  expect(recorder.calls.length).toBeLessThanOrEqual(5 * Math.ceil(Math.log2(1000)));
  const n = 10_000;
  const long = backend.rand([n], { seed: 1 });
  const numbers = long.dataSync();
  const scanned = weft.logCumSumExp(long).dataSync();
  let total = 0;
  numbers.forEach((number, i) => {
    total += Math.exp(number);
    expect(Math.abs(scanned[i]! - Math.log(total))).toBeLessThan(1e-12 * Math.max(1, Math.log(total)));
  });
});
