// Samples of the losses: on both sides of their thresholds, with each option, on nothing and at special values.
import {
  between,
  booleans,
  distinct,
  extremes,
  floats,
  grid,
  integers,
  positive,
  sample,
  values,
  type Collection,
  type Input,
  type Sample,
} from "@weft/conformance";
import { sub, sum, square, type Tensor } from "@weft/tensor";
import * as nn from "../../src/index.ts";

type Pairwise<Options = nn.LossOptions> = (x: Tensor, y: Tensor, options?: Options) => Tensor;

const kink = { order: 0 } as const;
const noGradient = { differentiable: [] };
const ofX = { differentiable: [0] };
const ofPair = { differentiable: [0, 1] };

/** Targets of 1 and −1. */
const signs = (...shape: number[]): Input => {
  const { fill, ...bits } = booleans(...shape);
  return { ...bits, dtype: "f32", fill: (random) => fill(random).map((bit) => 2 * bit - 1) };
};
const sumOf = { reduction: "sum" } as const;
const each = { reduction: "none" } as const;

/** Zeros beside `extremes`. They are data: compilers of shaders take x − x for 0, also where x is infinite. */
const origin = values(Array.from({ length: extremes.shape[0]! }, () => 0));

/** The mean of a matrix, each of scalars, the mean of nothing, and special values against 0. */
const differences = (f: Pairwise<nn.ElementLossOptions>): Sample[] => [
  sample("matrices", [distinct(3, 4), grid(3, 4)], (x, y) => f(x, y)),
  sample("weight", [distinct(2, 3), grid(2, 3), floats(3)], (x, y, weight) => f(x, y, { weight })),
  sample("each of some scalars", [distinct(), grid()], (x, y) => f(x, y, each)),
  sample("nothing", [floats(0, 3), floats(0, 3)], (x, y) => f(x, y), kink),
  sample("special values", [extremes, origin], (x, y) => f(x, y, each), noGradient),
];

/** Scores or distances with targets. */
const targets = (f: Pairwise, x: Input, target: Input): Sample[] => [
  sample("the mean", [x, target], (a, t) => f(a, t), ofX),
  sample("the sum", [x, target], (a, t) => f(a, t, sumOf), ofX),
  sample("special values", [extremes, origin], (a, t) => f(a, t, each), noGradient),
];

const labelsOf = (classes: number, ...shape: number[]): Input => integers(0, classes, ...shape);

const elementwise: Collection<"mse" | "mae" | "huber" | "smoothL1" | "bce" | "bceWithLogits" | "focal"> = {
  family: "fused",
  samples: {
    mse: [...differences(nn.mse), sample("the sum", [floats(5), floats(5)], (x, y) => nn.mse(x, y, sumOf))],
    mae: differences(nn.mae),
    huber: [
      ...differences(nn.huber),
      sample("delta", [distinct(3, 4), grid(3, 4)], (x, y) => nn.huber(x, y, { delta: 0.5, reduction: "sum" })),
    ],
    smoothL1: [
      ...differences(nn.smoothL1),
      sample("beta", [distinct(3, 4), grid(3, 4)], (x, y) => nn.smoothL1(x, y, { beta: 0.5 })),
      sample("beta 0", [distinct(3, 4), grid(3, 4)], (x, y) => nn.smoothL1(x, y, { beta: 0, reduction: "sum" })),
    ],
    bce: [
      sample("the mean", [between(0.1, 0.9, 3, 4), between(0.1, 0.9, 3, 4)], (p, t) => nn.bce(p, t)),
      sample("weight", [between(0.1, 0.9, 2, 3), between(0, 1, 2, 3), floats(3)], (p, t, weight) => nn.bce(p, t, { weight, reduction: "sum" })), // oxfmt-ignore
      sample("at 0 and 1, NaN", [values([0, 0, 1, 1, NaN]), values([0, 1, 0, 1, 1])], (p, t) => nn.bce(p, t, each), kink), // oxfmt-ignore
    ],
    bceWithLogits: [
      ...targets(nn.bceWithLogits, floats(3, 4), between(0, 1, 3, 4)),
      sample("weight, posWeight", [floats(2, 3), between(0, 1, 2, 3), floats(2, 1), positive(3)], (x, t, weight, posWeight) => nn.bceWithLogits(x, t, { weight, posWeight, ...each })), // oxfmt-ignore
    ],
    focal: [
      ...targets(nn.focal, floats(3, 4), between(0, 1, 3, 4)),
      sample("alpha, gamma, weight", [floats(2, 3), between(0, 1, 2, 3), floats(2, 1)], (x, t, weight) => nn.focal(x, t, { alpha: 0.25, gamma: 1.5, weight })), // oxfmt-ignore
    ],
  },
};

const labels: Collection<"crossEntropy" | "nll" | "accuracy"> = {
  family: "fused",
  samples: {
    crossEntropy: [
      sample("rows", [floats(3, 4), labelsOf(4, 3)], (x, y) => nn.crossEntropy(x, y)),
      sample("one row", [floats(4), labelsOf(4)], (x, y) => nn.crossEntropy(x, y, sumOf)),
      sample("images, ignored, weighted, smooth", [floats(2, 3, 2), labelsOf(3, 2, 2), positive(3)], (x, y, weight) => nn.crossEntropy(x, y, { weight, ignoreIndex: 1, labelSmoothing: 0.25 })), // oxfmt-ignore
      sample("probabilities", [floats(2, 3), between(0, 1, 2, 3)], (x, y) => nn.crossEntropy(x, y, each)),
      sample("infinities, NaN", [values([Infinity, 0, -Infinity, 0, NaN, 1], "f32", [3, 2]), values([1, 1, 0], "i32")], (x, y) => nn.crossEntropy(x, y, each), { ...noGradient, views: false }), // oxfmt-ignore
    ],
    nll: [
      sample("rows", [floats(3, 4), labelsOf(4, 3)], (x, y) => nn.nll(x, y)),
      sample("images, ignored, weighted", [floats(2, 3, 2), labelsOf(3, 2, 2), positive(3)], (x, y, weight) => nn.nll(x, y, { weight, ignoreIndex: 1, ...each })), // oxfmt-ignore
    ],
    accuracy: [
      sample("rows", [distinct(5, 3), labelsOf(3, 5)], (x, y) => nn.accuracy(x, y), noGradient),
      sample("ignored", [distinct(2, 3, 4), labelsOf(3, 2, 4)], (x, y) => nn.accuracy(x, y, { ignoreIndex: 2 }), noGradient), // oxfmt-ignore
    ],
  },
};

const distributions: Collection<"klDiv" | "poissonNll" | "gaussianNll"> = {
  family: "fused",
  samples: {
    klDiv: [
      sample("probabilities", [floats(2, 3), between(0.1, 1, 2, 3)], (x, t) => nn.klDiv(x, t)),
      sample("logarithms", [floats(2, 3), floats(2, 3)], (x, t) => nn.klDiv(x, t, { logTarget: true, reduction: "batchMean" })), // oxfmt-ignore
      sample("targets of 0, infinities", [values([-Infinity, 1, -Infinity, NaN]), values([0, 0, 0.5, 1])], (x, t) => nn.klDiv(x, t, each), kink), // oxfmt-ignore
    ],
    poissonNll: [
      ...targets(nn.poissonNll, floats(2, 3), positive(2, 3)),
      sample("rates, full", [positive(2, 3), positive(2, 3)], (x, t) => nn.poissonNll(x, t, { logInput: false, full: true, eps: 0.5 })), // oxfmt-ignore
    ],
    gaussianNll: [
      sample("variances", [floats(2, 3), floats(2, 3), positive(2, 3)], (x, t, v) => nn.gaussianNll(x, t, v)),
      sample("one per row, full", [floats(2, 3), floats(3), positive(2)], (x, t, v) => nn.gaussianNll(x, t, v, { full: true, eps: 0.01, ...each })), // oxfmt-ignore
      sample("too small", [floats(3), floats(3), values([0, 0.25, 0.75])], (x, t, v) => nn.gaussianNll(x, t, v, { eps: 0.5 }), kink), // oxfmt-ignore
    ],
  },
};

const margins: Collection<
  | ("marginRanking" | "hingeEmbedding" | "softMargin" | "multiMargin" | "multiLabelMargin" | "multiLabelSoftMargin")
  | ("cosineEmbedding" | "tripletMargin")
> = {
  family: "fused",
  samples: {
    marginRanking: [
      sample("pairs", [distinct(3, 4), grid(3, 4), signs(3, 4)], (x, y, t) => nn.marginRanking(x, y, t), ofPair),
      sample("margin", [distinct(5), grid(5), signs(5)], (x, y, t) => nn.marginRanking(x, y, t, { margin: 1, ...each }), ofPair), // oxfmt-ignore
    ],
    hingeEmbedding: [
      ...targets(nn.hingeEmbedding, distinct(3, 4), signs(3, 4)),
      sample("margin", [distinct(5), signs(5)], (x, t) => nn.hingeEmbedding(x, t, { margin: 0.5 }), ofX),
    ],
    softMargin: targets(nn.softMargin, floats(3, 4), signs(3, 4)),
    multiMargin: [
      sample("rows", [distinct(3, 4), labelsOf(4, 3)], (x, y) => nn.multiMargin(x, y, { margin: 0.7 })),
      sample("squares, weights", [distinct(3, 4), labelsOf(4, 3), positive(4)], (x, y, weight) => nn.multiMargin(x, y, { p: 2, margin: 0.7, weight, ...each })), // oxfmt-ignore
      sample("one row", [floats(3), labelsOf(3)], (x, y) => nn.multiMargin(x, y, sumOf)),
    ],
    multiLabelMargin: [
      sample("rows", [between(-0.4, 0.4, 2, 4), values([3, 0, -1, 1, 2, -1, 0, 0], "i32", [2, 4])], (x, y) => nn.multiLabelMargin(x, y)), // oxfmt-ignore
      sample("one row", [between(-0.4, 0.4, 3), values([1, -1, 2], "i32")], (x, y) => nn.multiLabelMargin(x, y, each)),
    ],
    multiLabelSoftMargin: [
      sample("rows", [floats(2, 3), between(0, 1, 2, 3)], (x, t) => nn.multiLabelSoftMargin(x, t)),
      sample("weight", [floats(2, 3), between(0, 1, 2, 3), positive(3)], (x, t, weight) => nn.multiLabelSoftMargin(x, t, { weight, ...sumOf })), // oxfmt-ignore
    ],
    cosineEmbedding: [
      sample("rows", [floats(4, 3), floats(4, 3), signs(4)], (a, b, t) => nn.cosineEmbedding(a, b, t), ofPair),
      sample("margin", [floats(3), floats(3), signs()], (a, b, t) => nn.cosineEmbedding(a, b, t, { margin: 0.25, ...each }), ofPair), // oxfmt-ignore
      sample("nothing", [floats(0, 3), floats(0, 3), signs(0)], (a, b, t) => nn.cosineEmbedding(a, b, t), kink),
    ],
    tripletMargin: [
      sample("rows", [floats(3, 4), floats(3, 4), floats(3, 4)], (a, b, c) => nn.tripletMargin(a, b, c, { margin: 4 })),
      sample("another norm, swap", [floats(3, 4), floats(3, 4), floats(3, 4)], (a, b, c) => nn.tripletMargin(a, b, c, { margin: 9, p: 3, eps: 0.01, swap: true, ...sumOf })), // oxfmt-ignore
      sample("a distance", [floats(3, 4), floats(3, 4), floats(3, 4)], (a, b, c) => nn.tripletMargin(a, b, c, { margin: 40, distance: (x, y) => sum(square(sub(x, y)), { axis: -1 }) })), // oxfmt-ignore
    ],
  },
};

const paths: Collection<"ctc"> = {
  family: "fused",
  samples: {
    ctc: [
      sample("a batch", [floats(4, 2, 3), integers(1, 3, 2, 2)], (x, y) => nn.ctc(x, y, [4, 3], [2, 1])),
      sample("blank, one vector of labels", [floats(3, 2, 3), integers(0, 2, 3)], (x, y) => nn.ctc(x, y, [3, 2], [2, 1], { blank: 2, ...sumOf })), // oxfmt-ignore
      sample("too many labels", [floats(2, 2, 3), integers(1, 3, 2, 2)], (x, y) => nn.ctc(x, y, [1, 2], [2, 1], { zeroInfinity: true, ...each })), // oxfmt-ignore
    ],
  },
};

export const losses = [elementwise, labels, distributions, margins, paths];
