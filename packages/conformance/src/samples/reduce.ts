// Samples of the reductions: every way to name axes, sizes beyond one block, ties, NaN and empty axes.
import * as weft from "@weft/tensor";
import type { Tensor } from "@weft/tensor";
import type { ReduceOps } from "@weft/tensor/internals";
import {
  booleans,
  distinct,
  extremes,
  floats,
  integers,
  positive,
  sample,
  values,
  type Collection,
  type Input,
  type Sample,
} from "../sample.ts";

type Composed = "mean" | "prod" | "any" | "all" | "variance" | "std" | "norm" | "logSumExp";
type Options = { axis?: number | readonly number[] | null; keepDims?: boolean };
type Reduction = (x: Tensor, options?: Options) => Tensor;
type Domain = (...shape: number[]) => Input;

const noGradient = { differentiable: [] };
const kink = { order: 0 } as const;

const along = (f: Reduction, domain: Domain): Sample[] => [
  sample("all axes", [domain(3, 4, 5)], (x) => f(x)),
  sample("axis 0", [domain(3, 4, 5)], (x) => f(x, { axis: 0 })),
  sample("axis 1, kept", [domain(3, 4, 5)], (x) => f(x, { axis: 1, keepDims: true })),
  sample("axis -1", [domain(3, 4, 5)], (x) => f(x, { axis: -1 })),
  sample("axes 0 and 2", [domain(3, 4, 5)], (x) => f(x, { axis: [0, 2] })),
  sample("axes 0 and 1, kept", [domain(3, 4, 5)], (x) => f(x, { axis: [0, 1], keepDims: true })),
  sample("all axes, kept", [domain(3, 4)], (x) => f(x, { axis: null, keepDims: true })),
  sample("a scalar", [domain()], (x) => f(x)),
  sample("one element", [domain(1, 1)], (x) => f(x, { axis: 1 })),
  sample("no axes", [domain(5)], (x) => f(x, { axis: [] })),
  sample("nothing along a full axis", [domain(0, 3)], (x) => f(x, { axis: 1 })),
  sample("long rows", [domain(5, 301)], (x) => f(x, { axis: 1 }), { order: 1 }),
  sample("long columns", [domain(301, 5)], (x) => f(x, { axis: 0 }), { order: 1 }),
  sample("many columns", [domain(3, 131)], (x) => f(x, { axis: 0 }), { order: 1 }),
];
const special = (f: Reduction): Sample =>
  sample("special values", [values(SPECIAL, "f32", [3, 3])], (x) => f(x, { axis: 1 }), noGradient);
const SPECIAL = [NaN, 1, 2, Infinity, -Infinity, 0, Infinity, 3, Infinity];
const nothing = (f: Reduction): Sample => sample("an empty axis", [floats(0, 3)], (x) => f(x, { axis: 0 }), kink);
const whole = (f: Reduction): Sample[] => [
  sample("i32", [integers(-5, 6, 4, 5)], (x) => f(x, { axis: 0 })),
  sample("bool", [booleans(4, 5)], (x) => f(x, { axis: 1 })),
  sample("u8", [values([250, 251, 252, 253, 254, 255], "u8", [2, 3])], (x) => f(x, { axis: 1 })),
];
/** The quotient shows the sign of each zero. */
const zeros = (f: Reduction): Sample =>
  sample(
    "zeros of both signs",
    [values([-0, 0, -0, -0, 0, -0, -1, -0, 1, 0, -0, 0, -0, 0, -0], "f32", [5, 3])],
    (x) => [f(x, { axis: 1 }), f(x, { axis: 0 }), f(x)].map((y) => weft.atan2(y, -1)),
    noGradient,
  );
const ties = (f: Reduction): Sample =>
  sample("ties", [values([1, 3, 3, 2, 2, 2], "f32", [2, 3])], (x) => f(x, { axis: 1 }), kink);

const position = (f: (x: Tensor, options?: { axis?: number; keepDims?: boolean }) => Tensor): Sample[] => [
  sample("axis 0", [distinct(4, 5)], (x) => f(x, { axis: 0 })),
  sample("axis 1, kept", [distinct(4, 5)], (x) => f(x, { axis: 1, keepDims: true })),
  sample("the flattened tensor", [distinct(4, 5)], (x) => f(x)),
  sample("the first of equal elements", [values([1, 3, 3, 1, 1, 3], "f32", [2, 3])], (x) => f(x, { axis: 1 })),
  sample("i32", [integers(-9, 10, 4, 5)], (x) => f(x, { axis: -1 })),
  sample("long rows", [distinct(3, 301)], (x) => f(x, { axis: 1 })),
  sample("infinities", [values([-Infinity, -Infinity, 1, Infinity, Infinity, 1], "f32", [2, 3])], (x) =>
    f(x, { axis: 1 }),
  ),
  sample("the first NaN", [values([1, NaN, 3, NaN, 5, NaN], "f32", [2, 3])], (x) => f(x, { axis: 1 })),
  sample("no rows", [floats(0, 3)], (x) => f(x, { axis: 1 })),
];

const orders = [false, true].flatMap((descending) => [
  sample(`axis -1, ${descending}`, [distinct(4, 7)], (x) => weft.argsort(x, { descending })),
  sample(`axis 0, ${descending}`, [distinct(7, 4)], (x) => weft.argsort(x, { axis: 0, descending })),
  sample(`equal elements keep their order, ${descending}`, [values([2, 1, 2, 1, 2, 1])], (x) =>
    weft.argsort(x, { descending }),
  ),
  sample(`NaN counts as the largest, ${descending}`, [extremes], (x) => weft.argsort(x, { descending })),
  sample(`i32, ${descending}`, [integers(-3, 4, 33)], (x) => weft.argsort(x, { descending })),
  sample(`nothing, ${descending}`, [floats(2, 0)], (x) => weft.argsort(x, { descending })),
  sample(`300 elements, ${descending}`, [distinct(300)], (x) => weft.argsort(x, { descending })),
]);

export const reductions: Collection<keyof ReduceOps | Composed> = {
  family: "reduce",
  samples: {
    sum: [...along(weft.sum, floats), special(weft.sum), nothing(weft.sum), ...whole(weft.sum)],
    max: [...along(weft.max, distinct), special(weft.max), ...whole(weft.max), ties(weft.max), zeros(weft.max)],
    min: [...along(weft.min, distinct), special(weft.min), ...whole(weft.min), ties(weft.min), zeros(weft.min)],
    argmax: position(weft.argmax),
    argmin: position(weft.argmin),
    cumsum: [
      sample("the last axis", [floats(3, 5)], (x) => weft.cumsum(x)),
      sample("axis 0", [floats(5, 3)], (x) => weft.cumsum(x, { axis: 0 })),
      sample("backwards", [floats(3, 5)], (x) => weft.cumsum(x, { axis: 1, reverse: true })),
      sample("an inner axis", [floats(2, 5, 3)], (x) => weft.cumsum(x, { axis: 1 })),
      sample("i32", [integers(-5, 6, 9)], (x) => weft.cumsum(x)),
      sample("300 elements", [floats(2, 300)], (x) => weft.cumsum(x), { order: 1 }),
      sample("nothing", [floats(3, 0)], (x) => weft.cumsum(x)),
      sample("from an infinity on", [values([1, Infinity, -Infinity, 1])], (x) => weft.cumsum(x), noGradient),
    ],
    argsort: orders,
    mean: [...along(weft.mean, floats), special(weft.mean), nothing(weft.mean), ...whole(weft.mean)],
    prod: [
      ...along(weft.prod, positive).filter(({ name }) => !/long|many/.test(name)),
      nothing(weft.prod),
      sample("zeros", [values([0, 2, 3, 0, 0, 4], "f32", [2, 3])], (x) => weft.prod(x, { axis: 1 })),
      sample("i32", [integers(-3, 4, 4, 5)], (x) => weft.prod(x, { axis: 0 })),
    ],
    any: [
      sample("all axes", [values([0, 0, 1, 0], "bool", [2, 2])], (x) => weft.any(x)),
      sample("axis 1", [booleans(7, 3)], (x) => weft.any(x, { axis: 1 })),
      sample("numbers", [values([0, -0, 0, NaN], "f32", [2, 2])], (x) => weft.any(x, { axis: 1, keepDims: true })),
      sample("an empty axis", [booleans(0, 3)], (x) => weft.any(x, { axis: 0 })),
    ],
    all: [
      sample("all axes", [values([1, 1, 1, 0], "bool", [2, 2])], (x) => weft.all(x)),
      sample("axis 1", [booleans(7, 3)], (x) => weft.all(x, { axis: 1 })),
      sample("numbers", [values([1, -2, 0, NaN], "f32", [2, 2])], (x) => weft.all(x, { axis: 1, keepDims: true })),
      sample("an empty axis", [booleans(0, 3)], (x) => weft.all(x, { axis: 0 })),
    ],
    variance: [
      ...along(weft.variance, floats),
      nothing(weft.variance),
      sample("an unbiased estimate", [floats(4, 5)], (x) => weft.variance(x, { axis: 0, correction: 1 })),
    ],
    std: [
      // For one element it is a constant 0, where the root has a kink.
      ...along(weft.std, floats)
        .filter(({ name }) => !/scalar|one element|no axes/.test(name))
        .map((spread) => ({ ...spread, views: false as const })), // repeated rows have no spread
      sample("one element", [floats(3, 1)], (x) => weft.std(x, { axis: 1 }), kink),
      sample("an unbiased estimate", [floats(4, 5)], (x) => weft.std(x, { axis: 0, correction: 1 })),
    ],
    norm: [
      ...along(weft.norm, floats),
      sample("powers", [floats(2, 3)], (x) => [0, 0.5, 1, 3, -1.5].map((p) => weft.norm(x, { p, axis: 0 }))),
      sample(
        "the largest and the smallest",
        [distinct(3, 4)],
        (x) => [Infinity, -Infinity].map((p) => weft.norm(x, { p, axis: 1, keepDims: true })),
        { order: 0, views: false }, // opposite numbers are equally large
      ),
      sample(
        "powers of zeros",
        [values([0, 0, 3, 0, NaN, Infinity], "f32", [3, 2])],
        (x) => [0, 0.5, 1, 3, -1.5].map((p) => weft.norm(x, { p, axis: 1 })),
        noGradient,
      ),
      sample("of zeros", [values([0, 0, 3, 4], "f32", [2, 2])], (x) => weft.norm(x, { axis: 1 }), kink),
    ],
    logSumExp: [
      ...along(weft.logSumExp, floats),
      nothing(weft.logSumExp),
      sample("large elements", [values([1000, 1001, -1000, -1001], "f32", [2, 2])], (x) =>
        weft.logSumExp(x, { axis: 1 }),
      ),
      special(weft.logSumExp),
    ],
  },
};
