// Losses of distributions: the negative log-likelihood of counts and of measurements, and how far one distribution is
// from another. Definitions are PyTorch's.
import { stopGradient } from "@weft/autograd";
import {
  ShapeError,
  add,
  and,
  div,
  equal,
  exp,
  less,
  log,
  mul,
  reshape,
  square,
  sub,
  sum,
  where,
  type Operand,
  type Tensor,
  type Value,
} from "@weft/tensor";
import {
  boolean,
  floating,
  inNameOf,
  nonNegative,
  oneOf,
  positive,
  readOptions,
  sameShape,
  type OptionKinds,
} from "@weft/tensor/internals";
import {
  beside,
  lossDefaults,
  lossKinds,
  type LossOptions,
  type Reduction,
  reductions,
  tensorPair,
} from "./reduction.ts";

export interface KlDivOptions {
  /** `"batchMean"` is the sum divided by the length of axis 0: the divergence itself, averaged over the rows. */
  readonly reduction?: Reduction | "batchMean";
  /** Whether the targets are log-probabilities, too. */
  readonly logTarget?: boolean;
}

const klDivKinds: OptionKinds<KlDivOptions> = {
  reduction: oneOf("mean", "sum", "none", "batchMean"),
  logTarget: boolean,
};

/** t · (log t − a), and 0 where t is 0. */
function fromProbabilities(a: Tensor, t: Tensor): Tensor {
  const none = equal(t, 0);
  // 0 · −∞ is NaN.
  const both = and(none, equal(a, -Infinity));
  return sub(mul(t, log(where(none, 1, t))), mul(t, where(both, 0, a)));
}

/** eᵗ · (t − a), and 0 where t is −∞. */
const fromLogs = (a: Tensor, t: Tensor): Tensor => mul(exp(t), where(equal(t, -Infinity), 0, sub(t, a)));

/**
 * The Kullback–Leibler divergence of log-probabilities x from target probabilities: target · (log target − x), averaged
 * over the elements; 0 where a target is 0. Shapes must be equal. Like PyTorch's `kl_div`.
 *
 * @example
 * klDiv(logSoftmax(scores), softmax(labels), { reduction: "batchMean" });
 */
export function klDiv(x: Operand, target: Operand, options?: KlDivOptions): Tensor {
  const defaults = { ...lossDefaults, logTarget: false };
  const { reduction, logTarget } = readOptions("klDiv", options, klDivKinds, defaults);
  return inNameOf("klDiv", () => {
    const [a, t] = tensorPair("klDiv", x, target);
    const losses = logTarget ? fromLogs(a, t) : fromProbabilities(a, t);
    if (reduction !== "batchMean") return reductions[reduction](losses);
    return div(sum(losses), losses.shape[0] ?? 1);
  });
}

export interface PoissonOptions extends LossOptions {
  /** Whether x is the logarithm of the rate (true), or the rate itself. */
  readonly logInput?: boolean;
  /** Whether to add Stirling's approximation of log target!, which does not depend on x. */
  readonly full?: boolean;
  /** Added to a rate before its logarithm is taken. */
  readonly eps?: number;
}

/**
 * The negative log-likelihood of counts from Poisson distributions: eˣ − target · x, or x − target · log(x + eps) if
 * `logInput` is false, averaged over the elements. Shapes must be equal. Like PyTorch's `poisson_nll_loss`.
 *
 * @example
 * poissonNll(tensor([0]), tensor([3])); // 1
 */
export function poissonNll(x: Operand, target: Operand, options?: PoissonOptions): Tensor {
  const known: OptionKinds<PoissonOptions> = { ...lossKinds, logInput: boolean, full: boolean, eps: nonNegative };
  const defaults = { ...lossDefaults, logInput: true, full: false, eps: 1e-8 };
  const { reduction, logInput, full, eps } = readOptions("poissonNll", options, known, defaults);
  return inNameOf("poissonNll", () => {
    const [a, t] = tensorPair("poissonNll", x, target);
    const losses = logInput ? sub(exp(a), mul(t, a)) : sub(a, mul(t, log(add(a, eps))));
    return reductions[reduction](full ? add(losses, logFactorial(t)) : losses);
  });
}

/** Stirling's approximation of log t! for t > 1; 0 below. */
function logFactorial(t: Value): Tensor {
  const large = less(1, t);
  const n = where(large, t, 1);
  return where(large, add(sub(mul(n, log(n)), n), mul(log(mul(n, 2 * Math.PI)), 0.5)), 0);
}

export interface GaussianOptions extends LossOptions {
  /** Whether to add the constant ½ log 2π. */
  readonly full?: boolean;
  /** The least variance; the gradient of a smaller one is that at this one. */
  readonly eps?: number;
}

/**
 * The negative log-likelihood of targets from normal distributions: ½ (log v + (x − target)² / v) for the mean x and the
 * variance v (at least eps), averaged over the elements. Targets and variances broadcast to the shape of x; a variance
 * with the shape of x without its last axis is one for each row. Like PyTorch's `gaussian_nll_loss`.
 *
 * @example
 * gaussianNll(tensor([1, 2]), tensor([1, 4]), 1); // 1
 */
export function gaussianNll(x: Operand, target: Operand, variance: Operand, options?: GaussianOptions): Tensor {
  const op = "gaussianNll";
  const known: OptionKinds<GaussianOptions> = { ...lossKinds, full: boolean, eps: positive };
  const { reduction, full, eps } = readOptions(op, options, known, { ...lossDefaults, full: false, eps: 1e-6 });
  return inNameOf(op, () => {
    const mean = floating(x, op, undefined, target);
    if (typeof mean === "number") throw new ShapeError(`${op}: wanted a tensor as x, got the number ${mean}`);
    const { shape } = mean;
    const t = beside(op, "target", target, shape, mean);
    const given = perRow(floating(variance, op, undefined, mean), shape);
    const read = beside(op, "variance", given, shape, mean);
    const v = typeof read === "number" ? Math.max(read, eps) : bounded(read, eps);
    const errors = div(square(sub(mean, t)), v);
    const losses = mul(add(errors, typeof v === "number" ? Math.log(v) : log(v)), 0.5);
    return reductions[reduction](full ? add(losses, 0.5 * Math.log(2 * Math.PI)) : losses);
  });
}

/** At least eps. The bound is not differentiated: a variance that has become too small can grow again. */
const bounded = (v: Tensor, eps: number): Tensor => where(less(v, eps), add(v, stopGradient(sub(eps, v))), v);

/** A variance per row as a column, so that it broadcasts along the row. */
const perRow = (variance: Value, shape: readonly number[]): Value =>
  typeof variance === "number" || shape.length === 0 || !sameShape(variance.shape, shape.slice(0, -1))
    ? variance
    : reshape(variance, [...variance.shape, 1]);
