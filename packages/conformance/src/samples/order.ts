// Samples of scans, order statistics and what else reduces: along each kind of axis, ties, NaN and infinities, empty
// tensors and scalars.
import * as weft from "@weft/tensor";
import type { Tensor } from "@weft/tensor";
import { booleans, distinct, floats, integers, positive, sample, separately, values } from "../sample.ts";
import type { Collection, Sample } from "../sample.ts";

type Name =
  | "cumprod"
  | "cummax"
  | "cummin"
  | "logCumSumExp"
  | "difference"
  | "trapezoid"
  | "cumulativeTrapezoid"
  | "median"
  | "medianWithIndices"
  | "maxWithIndices"
  | "minWithIndices"
  | "aminmax"
  | "kthValue"
  | "mode"
  | "quantile"
  | "nanSum"
  | "nanMean"
  | "nanMax"
  | "nanMin"
  | "nanMedian"
  | "nanQuantile"
  | "countNonzero"
  | "cov"
  | "corrcoef";

const noGradient = { differentiable: [] };
const both = ({ values: y, indices }: weft.Ordered): Tensor[] => [y, indices];

/** Rows with NaN, with infinities, with ties, and of NaN alone. */
const odd = values([1, NaN, 3, 2, Infinity, -Infinity, 0, 1, 2, 1, 2, 1, NaN, NaN, NaN, NaN], "f32", [4, 4]);
const special = (f: (x: Tensor) => Tensor | readonly Tensor[]): Sample =>
  sample("special values", [odd], f, noGradient);

const running = (f: typeof weft.cummax): Sample[] => [
  sample("axis 0", [distinct(5, 3)], (x) => both(f(x, { axis: 0 }))),
  sample("from the other end", [values([1, 3, 3, NaN, 2])], (x) => both(f(x, { reverse: true })), { order: 0 }),
  sample("the last of equal elements", [values([1, 3, 3, 2, 3, 1, 1])], (x) => both(f(x)), { order: 0 }),
  special((x) => both(f(x))),
  separately(
    sample("i32, nothing, a scalar", [integers(-5, 6, 2, 3), floats(2, 0), floats()], (x, y, z) =>
      [x, y, z].flatMap((t) => both(f(t))),
    ),
  ),
];

const position = (f: typeof weft.maxWithIndices): Sample[] => [
  sample("axis 0, kept", [distinct(4, 3)], (x) => both(f(x, { axis: 0, keepDims: true }))),
  sample("the flattened tensor", [distinct(4, 3)], (x) => both(f(x))),
  special((x) => both(f(x, { axis: 1 }))),
];

const skipping = (f: (x: Tensor, options?: weft.ReduceOptions) => Tensor): Sample[] => [
  sample("axis 0, kept", [distinct(4, 3)], (x) => f(x, { axis: 0, keepDims: true })),
  sample("without NaN", [values([NaN, 1, 4, 3, NaN, 0.5], "f32", [2, 3])], (x) => f(x, { axis: 1 }), noGradient),
  special((x) => [f(x, { axis: 1 }), f(x)]),
];

export const order: Collection<Name> = {
  family: "reduce",
  samples: {
    cumprod: [
      sample("axis 0", [positive(5, 3)], (x) => weft.cumprod(x, { axis: 0 })),
      sample("from the other end", [positive(2, 3)], (x) => weft.cumprod(x, { reverse: true })),
      sample("zeros", [values([2, 0, 3, 0, 4])], (x) => weft.cumprod(x)),
      separately(
        sample("i32, nothing, a scalar", [integers(-3, 4, 2, 7), floats(2, 0), floats()], (x, y, z) =>
          [x, y, z].map((t) => weft.cumprod(t)),
        ),
      ),
      special((x) => weft.cumprod(x)),
    ],
    cummax: running(weft.cummax),
    cummin: running(weft.cummin),
    logCumSumExp: [
      sample("from the other end", [floats(3, 2)], (x) => weft.logCumSumExp(x, { axis: 0, reverse: true })),
      sample("axis 0", [floats(5, 3)], (x) => weft.logCumSumExp(x, { axis: 0 })),
      sample("from −∞ on", [values([-Infinity, -Infinity, 1, -Infinity, 200, -200])], (x) => weft.logCumSumExp(x), {
        order: 0,
      }),
      special((x) => weft.logCumSumExp(x)),
    ],
    difference: [
      sample("axis 0, twice", [floats(4, 3)], (x) => weft.difference(x, { axis: 0, n: 2 })),
      sample("between others", [floats(2, 3), floats(2, 1)], (x, y) => weft.difference(x, { prepend: 2, append: y })),
      separately(
        sample("bool, too few", [booleans(3, 4), floats(2, 3)], (x, y) => [
          weft.difference(x),
          weft.difference(y, { n: 5 }),
        ]),
      ),
    ],
    trapezoid: [
      sample("steps of 0.5", [floats(4, 3)], (x) => weft.trapezoid(x, { axis: 0, dx: 0.5 })),
      sample("positions", [floats(3, 4), floats(3)], (y, x) => weft.trapezoid(y, { axis: 0, x })),
    ],
    cumulativeTrapezoid: [
      sample("positions", [floats(3, 4), floats(3, 4)], (y, x) => weft.cumulativeTrapezoid(y, { x })),
    ],
    median: [
      sample("axis 0, kept", [distinct(4, 3)], (x) => weft.median(x, { axis: 0, keepDims: true })),
      sample("axes 0 and 2", [distinct(2, 3, 3)], (x) => weft.median(x, { axis: [0, 2] })),
      special((x) => [weft.median(x, { axis: 1 }), weft.median(x)]),
      separately(
        sample("i32, a scalar", [integers(-5, 6, 2, 5), floats()], (x, y) => [
          weft.median(x, { axis: 1 }),
          weft.median(y, { axis: 0 }),
        ]),
      ),
    ],
    medianWithIndices: position(weft.medianWithIndices),
    maxWithIndices: position(weft.maxWithIndices),
    minWithIndices: position(weft.minWithIndices),
    aminmax: [
      sample("axis 0, kept", [distinct(4, 3)], (x) => {
        const { min, max } = weft.aminmax(x, { axis: 0, keepDims: true });
        return [min, max];
      }),
    ],
    kthValue: [
      sample("axis 0, kept", [distinct(4, 3)], (x) => both(weft.kthValue(x, 2, { axis: 0, keepDims: true }))),
      special((x) => both(weft.kthValue(x, 4))),
    ],
    mode: [
      sample(
        "the smallest of the most frequent",
        [values([3, 1, 3, 1, 2, 2, 2, 1, 2, 0], "f32", [2, 5])],
        (x) => both(weft.mode(x)),
        { order: 0 },
      ),
      sample("i32, axis 0, kept", [integers(0, 3, 7, 2)], (x) => both(weft.mode(x, { axis: 0, keepDims: true }))),
      special((x) => both(weft.mode(x))),
    ],
    quantile: [
      sample("one", [distinct(4, 3)], (x) => weft.quantile(x, 0.3, { axis: 0, keepDims: true })),
      sample("several", [distinct(2, 5), values([0.1, 0.45, 0.8])], (x, q) => weft.quantile(x, q, { axis: 1 })),
      sample("interpolations", [distinct(6)], (x) =>
        (["lower", "higher", "nearest", "midpoint"] as const).map((interpolation) =>
          weft.quantile(x, [0.25, 0.5], { interpolation }),
        ),
      ),
      special((x) => weft.quantile(x, [0, 0.5, 0.9], { axis: 1 })),
    ],
    nanSum: skipping(weft.nanSum),
    nanMean: skipping(weft.nanMean),
    nanMax: skipping(weft.nanMax),
    nanMin: skipping(weft.nanMin),
    nanMedian: skipping(weft.nanMedian),
    nanQuantile: skipping((x, options) => weft.nanQuantile(x, [0.2, 1], options)),
    countNonzero: [
      sample("numbers", [values([0, -0, NaN, 2, 0, Infinity], "f32", [2, 3])], (x) => [
        weft.countNonzero(x, { axis: 1, keepDims: true }),
        weft.countNonzero(x),
      ]),
    ],
    cov: [
      sample("variables", [floats(3, 5)], (x) => weft.cov(x)),
      sample("weights", [floats(2, 4), values([1, 2, 1, 3], "i32"), positive(4)], (x, fweights, aweights) =>
        weft.cov(x, { correction: 0.5, fweights, aweights }),
      ),
      separately(sample("a vector", [floats(4)], (x) => weft.cov(x, { correction: 0 }))),
    ],
    corrcoef: [sample("variables", [floats(3, 5)], (x) => weft.corrcoef(x), { order: 1, views: false })],
  },
};
