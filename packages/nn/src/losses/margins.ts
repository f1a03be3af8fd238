// Losses with a margin: scores of classes or pairs that are right by less than the margin cost something. Definitions
// are PyTorch's.
import {
  ShapeError,
  add,
  and,
  cast,
  clamp,
  cumsum,
  div,
  equal,
  gather,
  less,
  mean,
  mul,
  neg,
  oneHot,
  readTensors,
  relu,
  reshape,
  scatterAdd,
  softplus,
  square,
  sub,
  sum,
  take,
  where,
  zerosLike,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import {
  anything,
  finiteNumber,
  inFloats,
  inNameOf,
  oneOf,
  readOptions,
  sameShape,
  text,
  type OptionKinds,
} from "@weft/tensor/internals";
import { bceWithLogits } from "./elementwise.ts";
import { classWeights } from "./labels.ts";
import { lossDefaults, lossKinds, type LossOptions, pair, reductions } from "./reduction.ts";

export interface MarginOptions extends LossOptions {
  readonly margin?: number;
}

const marginKinds: OptionKinds<MarginOptions> = { ...lossKinds, margin: finiteNumber };

/** x where it is positive, with the gradient 1 at 0, as PyTorch has it for these losses. */
const positivePart = (x: Tensor): Tensor => clamp(x, { min: 0 });

/**
 * The ranking loss of pairs: max(0, margin − target · (x − y)), averaged over the elements; a target is 1 if x should
 * be larger than y, −1 if it should be smaller. Shapes must be equal. Like PyTorch's `margin_ranking_loss`.
 *
 * @example
 * marginRanking(tensor([1, 2]), tensor([0, 3]), tensor([1, 1])); // 0.5
 */
export function marginRanking(x: Operand, y: Operand, target: Operand, options?: MarginOptions): Tensor {
  const { margin, reduction } = readOptions("marginRanking", options, marginKinds, { ...lossDefaults, margin: 0 });
  return inNameOf("marginRanking", () => {
    const d = sub(...pair("marginRanking", x, y));
    return reductions[reduction](positivePart(add(neg(mul(...pair("marginRanking", d, target))), margin)));
  });
}

/**
 * The loss of distances x with targets 1 (similar) and −1 (not): x, or max(0, margin − x), averaged over the elements.
 * Shapes must be equal. Like PyTorch's `hinge_embedding_loss`.
 *
 * @example
 * hingeEmbedding(tensor([2, 0.25]), tensor([1, -1])); // 1.375
 */
export function hingeEmbedding(x: Operand, target: Operand, options?: MarginOptions): Tensor {
  const { margin, reduction } = readOptions("hingeEmbedding", options, marginKinds, { ...lossDefaults, margin: 1 });
  return inNameOf("hingeEmbedding", () => {
    const [d, t] = pair("hingeEmbedding", x, target);
    const far = where(equal(t, 1), 0, positivePart(sub(margin, d)));
    return reductions[reduction](add(far, where(equal(t, -1), 0, d)));
  });
}

/**
 * The logistic loss of scores x with targets 1 and −1: log(1 + e^(−target · x)), averaged over the elements. Shapes
 * must be equal. Like PyTorch's `soft_margin_loss`, and Knet's `logistic`.
 *
 * @example
 * softMargin(tensor([0, 1000]), tensor([-1, 1]), { reduction: "sum" }); // 0.6931471805599453
 */
export function softMargin(x: Operand, target: Operand, options?: LossOptions): Tensor {
  const { reduction } = readOptions("softMargin", options, lossKinds, lossDefaults);
  return inNameOf("softMargin", () => reductions[reduction](softplus(neg(mul(...pair("softMargin", x, target))))));
}

export interface MultiMarginOptions extends MarginOptions {
  /** The power of each term. */
  readonly p?: 1 | 2;
  /** How much each class counts as the label, `[C]`. */
  readonly weight?: Operand;
}

/**
 * The hinge loss of classes: Σ max(0, margin − x[label] + x[i])^p / C over the other classes i, averaged over the rows.
 * Scores are `[N, C]` or `[C]`, labels `[N]` or `[]`. Like PyTorch's `multi_margin_loss`.
 *
 * @example
 * multiMargin(tensor([[1, 3, 0]]), tensor([1], { dtype: "i32" })); // 0
 */
export function multiMargin(x: Operand, labels: Operand, options?: MultiMarginOptions): Tensor {
  const known: OptionKinds<MultiMarginOptions> = { ...marginKinds, p: oneOf(1, 2), weight: anything };
  const defaults = { ...lossDefaults, margin: 1, p: 1 } as const;
  const { margin, p, weight, reduction } = readOptions("multiMargin", options, known, defaults);
  const [given, numbers] = readTensors("multiMargin", [x, labels]);
  const scores = asRows(inFloats(given));
  const [count, classes] = scores.shape as [number, number];
  if (numbers.size !== count || numbers.shape.length > 1)
    throw new ShapeError(
      `multiMargin: scores ${text(given.shape)} want labels [${count}], one per row, got ${text(numbers.shape)}`,
    );
  return inNameOf(
    "multiMargin",
    () => {
      const target = reshape(numbers, [count]);
      const own = gather(scores, reshape(target, [count, 1]), { axis: 1 });
      const excess = relu(add(sub(scores, own), margin));
      const costs = p === 1 ? excess : square(excess);
      const others = where(oneHot(target, { depth: classes, dtype: "bool" }), 0, costs);
      const rows = div(sum(others, { axis: 1 }), classes);
      const losses = weight === undefined ? rows : mul(rows, take(classWeights("multiMargin", weight, scores), target));
      return reductions[reduction](reduction === "none" ? reshape(losses, given.shape.slice(0, -1)) : losses);
    },
    true,
  );
}

/** Scores as rows `[N, C]`. */
const asRows = (x: Tensor): Tensor => (x.shape.length === 2 ? x : reshape(x, [1, x.size]));

/**
 * The hinge loss of rows with several labels each: Σ max(0, 1 − x[j] + x[i]) / C over the labels j and the classes i
 * that are not labels, averaged over the rows. Scores are `[N, C]` or `[C]`; labels have the same shape, and count up to
 * the first negative one. Like PyTorch's `multilabel_margin_loss`.
 *
 * @example
 * const labels = tensor([[3, 0, -1, 1]], { dtype: "i32" });
 * multiLabelMargin(tensor([[0.5, 0, 0, 1]]), labels); // 0.25
 */
export function multiLabelMargin(x: Operand, labels: Operand, options?: LossOptions): Tensor {
  const { reduction } = readOptions("multiLabelMargin", options, lossKinds, lossDefaults);
  const [given, numbers] = readTensors("multiLabelMargin", [x, labels]);
  if (given.shape.length > 2 || !sameShape(given.shape, numbers.shape))
    throw new ShapeError(
      `multiLabelMargin: wanted scores [N, C] or [C] and labels of the same shape, padded with −1, got ` +
        `${text(given.shape)} and ${text(numbers.shape)}`,
    );
  return inNameOf(
    "multiLabelMargin",
    () => {
      const scores = asRows(inFloats(given));
      const target = asRows(numbers);
      const [count, classes] = scores.shape as [number, number];
      const listed = equal(cumsum(cast(less(target, 0), "i32"), { axis: 1 }), 0);
      const places = where(listed, target, 0);
      const votes = scatterAdd(zerosLike(scores), places, cast(listed, scores.dtype), { axis: 1 });
      const own = reshape(gather(scores, places, { axis: 1 }), [count, classes, 1]);
      const costs = relu(add(sub(reshape(scores, [count, 1, classes]), own), 1));
      const counted = and(reshape(listed, [count, classes, 1]), reshape(equal(votes, 0), [count, 1, classes]));
      const rows = div(sum(where(counted, costs, 0), { axis: [1, 2] }), classes);
      return reductions[reduction](reduction === "none" ? reshape(rows, given.shape.slice(0, -1)) : rows);
    },
    true,
  );
}

/**
 * Binary cross-entropy of the scores of several classes, of which any number may be right: `bceWithLogits` averaged over
 * the last axis, then over the rows. Shapes must be equal; `weight` broadcasts to them. Like PyTorch's
 * `multilabel_soft_margin_loss`.
 *
 * @example
 * multiLabelSoftMargin(tensor([[0, 0]]), tensor([[1, 0]])); // 0.6931471805599453
 */
export function multiLabelSoftMargin(
  x: Operand,
  target: Operand,
  options?: LossOptions & { readonly weight?: Operand },
): Tensor {
  const known = { ...lossKinds, weight: anything };
  const { weight, reduction } = readOptions("multiLabelSoftMargin", options, known, lossDefaults);
  return inNameOf("multiLabelSoftMargin", () =>
    reductions[reduction](mean(bceWithLogits(x, target, { weight, reduction: "none" }), { axis: -1 })),
  );
}
