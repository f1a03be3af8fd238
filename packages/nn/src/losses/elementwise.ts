// Losses of each element by itself, for regression and for yes-or-no questions. Definitions are PyTorch's.
import { customGradient } from "@weft/autograd";
import {
  abs,
  add,
  clamp,
  div,
  lessEqual,
  log,
  log1p,
  maximum,
  mul,
  neg,
  pow,
  sigmoid,
  softplus,
  square,
  sub,
  where,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import {
  anything,
  fraction,
  inNameOf,
  largest,
  nonNegative,
  positive,
  readOptions,
  type OptionKinds,
} from "@weft/tensor/internals";
import {
  beside,
  lossDefaults,
  lossKinds,
  type LossOptions,
  pair,
  reductions,
  tensorPair,
  weighted,
} from "./reduction.ts";

export interface ElementLossOptions extends LossOptions {
  /** How much each element counts; broadcasts to the shape of the losses. The mean is over all elements all the same. */
  readonly weight?: Operand;
}

const elementKinds: OptionKinds<ElementLossOptions> = { ...lossKinds, weight: anything };

/** A loss of the difference of two operands of one shape. */
const ofDifference = (
  op: string,
  x: Operand,
  y: Operand,
  options: ElementLossOptions | undefined,
  f: (d: Tensor) => Tensor,
): Tensor => {
  const { reduction, weight } = readOptions(op, options, elementKinds, lossDefaults);
  return inNameOf(op, () => reductions[reduction](weighted(op, f(sub(...pair(op, x, y))), weight)));
};

/**
 * The part of d within a limit, and how far d lies beyond it: squares of the rest, which may be infinite, are never
 * taken. The part is not made of |d|, whose second derivative is 0 where d is 0.
 */
function parted(d: Tensor, limit: number): readonly [near: Tensor, beyond: Tensor] {
  const near = clamp(d, { min: -limit, max: limit });
  return [near, sub(abs(d), abs(near))];
}

/**
 * The mean squared error: (x − y)², averaged over the elements. Shapes must be equal. Like PyTorch's `mse_loss`, whose
 * mean with weights is divided by their sum.
 *
 * @example
 * const loss = mse(predict(x), y);
 */
export const mse = (x: Operand, y: Operand, options?: ElementLossOptions): Tensor =>
  ofDifference("mse", x, y, options, square);

/**
 * The mean absolute error: |x − y|, averaged over the elements. Shapes must be equal. Like PyTorch's `l1_loss`, whose mean
 * with weights is divided by their sum.
 *
 * @example
 * mae(tensor([1, 4]), tensor([2, 2])); // 1.5
 */
export const mae = (x: Operand, y: Operand, options?: ElementLossOptions): Tensor =>
  ofDifference("mae", x, y, options, abs);

/**
 * Huber's loss: d² / 2 where |d| ≤ delta, else delta · (|d| − delta / 2), for d = x − y, averaged over the elements.
 * Shapes must be equal. Like PyTorch's `huber_loss` (Huber 1964).
 *
 * @example
 * huber(tensor([0, 3]), tensor([0, 1])); // 0.75
 */
export function huber(x: Operand, y: Operand, options?: ElementLossOptions & { readonly delta?: number }): Tensor {
  const { delta, ...rest } = readOptions("huber", options, { ...elementKinds, delta: positive }, { delta: 1 });
  return ofDifference("huber", x, y, rest, (d) => {
    // Numbers that the dtype does not have become infinite, too.
    if (delta > largest(d.dtype)) return mul(square(d), 0.5);
    const [near, beyond] = parted(d, delta);
    return add(mul(square(near), 0.5), mul(beyond, delta));
  });
}

/**
 * The absolute error, rounded off below `beta`: d² / (2 beta) where |d| < beta, else |d| − beta / 2, for d = x − y,
 * averaged over the elements; with beta 0 it is `mae`. Shapes must be equal. Like PyTorch's `smooth_l1_loss` (Girshick
 * 2015).
 *
 * @example
 * smoothL1(tensor([0, 3]), tensor([0, 1])); // 0.75
 */
export function smoothL1(x: Operand, y: Operand, options?: ElementLossOptions & { readonly beta?: number }): Tensor {
  const { beta, ...rest } = readOptions("smoothL1", options, { ...elementKinds, beta: nonNegative }, { beta: 1 });
  return ofDifference("smoothL1", x, y, rest, (d) => {
    if (beta === 0) return abs(d);
    const [near, beyond] = parted(d, beta);
    return add(mul(square(near), 0.5 / beta), beyond);
  });
}

/** log p, at least −100. */
const boundedLog = (p: Tensor): Tensor => maximum(log(p), -100);

/**
 * Binary cross-entropy of probabilities: −(target · log p + (1 − target) · log(1 − p)), averaged over the elements.
 * Logarithms are at least −100, and the gradient (p − target) / (p · (1 − p)) divides by at least 10⁻¹²; outside of 0 … 1
 * the loss is NaN. Take `bceWithLogits` for scores: it is exact where sigmoid would round. Shapes must be equal. Like
 * PyTorch's `binary_cross_entropy`.
 *
 * @example
 * bce(tensor([0.5, 1]), tensor([0, 1]), { reduction: "sum" }); // 0.6931471805599453
 */
export function bce(probabilities: Operand, target: Operand, options?: ElementLossOptions): Tensor {
  const { weight, reduction } = readOptions("bce", options, elementKinds, lossDefaults);
  return inNameOf("bce", () => {
    const [p, t] = tensorPair("bce", probabilities, target);
    return reductions[reduction](weighted("bce", bceOfEach(p, t), weight));
  });
}

/** With a gradient by hand, which is finite and of the right sign where p is 0 or 1. */
const bceOfEach = /* @__PURE__ */ customGradient((p: Tensor, t: Tensor) => ({
  value: neg(add(mul(t, boundedLog(p)), mul(sub(1, t), maximum(log1p(neg(p)), -100)))),
  pullback: (g: Tensor) => [
    mul(g, div(sub(p, t), maximum(mul(p, sub(1, p)), 1e-12))),
    mul(g, sub(maximum(log1p(neg(p)), -100), boundedLog(p))),
  ],
}));

export interface LogitsOptions extends ElementLossOptions {
  /** How much a target of 1 counts, usually one number per class; broadcasts to the shape of the scores. */
  readonly posWeight?: Operand;
}

/**
 * Binary cross-entropy of scores: log(1 + eˣ) − x · target, averaged over the elements. Targets lie between 0 and 1 and
 * have the shape of x. With `posWeight` w it is w · target · log(1 + e⁻ˣ) + (1 − target) · log(1 + eˣ). Like PyTorch's
 * `binary_cross_entropy_with_logits`.
 *
 * @example
 * const loss = bceWithLogits(scores, labels);
 */
export function bceWithLogits(x: Operand, target: Operand, options?: LogitsOptions): Tensor {
  const known = { ...elementKinds, posWeight: anything };
  const { weight, posWeight, reduction } = readOptions("bceWithLogits", options, known, lossDefaults);
  const [a, b] = tensorPair("bceWithLogits", x, target);
  return inNameOf("bceWithLogits", () => {
    const losses = posWeight === undefined ? sub(softplus(a), mul(a, b)) : withPositives(a, b, posWeight);
    return reductions[reduction](weighted("bceWithLogits", losses, weight));
  });
}

/** (1 − t) · x + (1 + (w − 1) · t) · log(1 + e⁻ˣ). */
function withPositives(x: Tensor, t: Tensor, given: Operand): Tensor {
  const w = beside("bceWithLogits", "posWeight", given, x.shape, x);
  const more = typeof w === "number" ? w - 1 : sub(w, 1);
  return add(mul(sub(1, t), x), mul(add(mul(more, t), 1), softplus(neg(x))));
}

/** The least normal number of f32. */
const LEAST = 2 ** -126;

/** p to the power of gamma; 0 where p is next to nothing, as the slope of a power may be infinite there. */
function faded(p: Tensor, gamma: number): Tensor {
  if (gamma === 2) return square(p);
  const some = lessEqual(LEAST, p);
  return where(some, pow(where(some, p, 1), gamma), 0);
}

export interface FocalOptions extends ElementLossOptions {
  /** How much a target of 1 counts, and 1 − alpha one of 0; 1 each if left out. */
  readonly alpha?: number;
  /** How strongly elements that are right already are faded out. */
  readonly gamma?: number;
}

/**
 * The focal loss of scores, for rare positives: (1 − p)^gamma · `bceWithLogits`, p being the probability that sigmoid(x)
 * gives the target, averaged over the elements. Shapes must be equal. Like torchvision's `sigmoid_focal_loss` (Lin et
 * al. 2017), which takes alpha = 0.25 and no mean by default.
 *
 * @example
 * focal(tensor([0]), tensor([1])); // 0.17328679513998632
 */
export function focal(x: Operand, target: Operand, options?: FocalOptions): Tensor {
  const known: OptionKinds<FocalOptions> = { ...elementKinds, alpha: fraction, gamma: nonNegative };
  const { alpha, gamma, weight, reduction } = readOptions("focal", options, known, { ...lossDefaults, gamma: 2 });
  return inNameOf("focal", () => {
    const [a, t] = tensorPair("focal", x, target);
    const wrong = add(mul(sigmoid(a), sub(1, t)), mul(sigmoid(neg(a)), t));
    const losses = mul(sub(softplus(a), mul(a, t)), faded(wrong, gamma));
    const each = alpha === undefined ? losses : mul(losses, add(mul(t, 2 * alpha - 1), 1 - alpha));
    return reductions[reduction](weighted("focal", each, weight));
  });
}
