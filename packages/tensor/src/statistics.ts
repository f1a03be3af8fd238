// Reductions composed of primitives: means, moments, norms, products. `axis` is one axis, several, or all of them if
// left out.
import { notEqual, square } from "./activations.ts";
import { rowsOf } from "./along.ts";
import { applyRead, readTensor, untaped } from "./apply.ts";
import { axesOf } from "./axes.ts";
import { inNameOf } from "./context.ts";
import { abs, add, cast, div, equal, exp, isFinite, log, mul, not, pow, sub } from "./elementwise.ts";
import { where } from "./elementwise.ts";
import { filled } from "./filled.ts";
import { composed } from "./formula.ts";
import type { Operand } from "./interpreter.ts";
import { reshape, slice } from "./movement.ts";
import { inDType, inFloats, inNumbers } from "./operands.ts";
import { anyNumber, finite, readOptions } from "./options.ts";
import { max, min, reduceOptions, sum, type ReduceOptions } from "./reduce.ts";
import { sqrtZeroSafe } from "./root.ts";
import type { Tensor } from "./tensor.ts";

const defaults = { keepDims: false };

/** How many elements of x are reduced to one element of the result. */
const count = (x: Tensor, axes: readonly number[]): number => axes.reduce((n, axis) => n * x.shape[axis]!, 1);

/**
 * The mean over axes; integers give `f32`, an empty axis NaN.
 *
 * @example mean(tensor([[1, 2], [3, 6]]), { axis: 0 }) // [2, 4]
 */
export function mean(x: Operand, options?: ReduceOptions): Tensor {
  const { axis, keepDims } = readOptions("mean", options, reduceOptions, defaults);
  const t = inFloats(readTensor(x, "mean"));
  const axes = axesOf("mean", axis, t.shape);
  return div(applyRead("sum", [t], { axes, keepDims }), count(t, axes));
}

/**
 * The product over axes; 1 over an empty axis. It multiplies the halves of an axis with each other, so that gradients
 * are exact and finite where elements are 0.
 *
 * @example prod(tensor([2, 3, 4])) // 24
 */
export function prod(x: Operand, options?: ReduceOptions): Tensor {
  const { axis, keepDims } = readOptions("prod", options, reduceOptions, defaults);
  const t = inNumbers(readTensor(x, "prod"));
  const axes = axesOf("prod", axis, t.shape);
  const { rows, length, shape } = rowsOf(t, axes, keepDims);
  if (length === 0) return filled(t, 1, shape);
  const kept = rows.shape.slice(0, -1);
  let [y, n] = [rows, length];
  const whole = kept.map(() => null);
  const none = [...kept, n].map(() => 0);
  while (n > 1) {
    if (n % 2 === 1)
      y = applyRead("pad", [y], { before: none, after: none.with(kept.length, 1), interior: none, value: 1 });
    n = Math.ceil(n / 2);
    y = mul(slice(y, { ends: [...whole, n] }), slice(y, { starts: [...whole, n] }));
  }
  return reshape(y, shape);
}

const checked = (op: string, options: ReduceOptions | undefined): ReduceOptions =>
  readOptions(op, options, reduceOptions, defaults);

/**
 * Whether any element over axes is true (not 0), as `bool`.
 *
 * @example any(tensor([[0, 1], [0, 0]]), { axis: 1 }) // [1, 0]
 */
export const any = (x: Operand, options?: ReduceOptions): Tensor =>
  inNameOf("any", () => notEqual(sum(cast(x, "bool"), checked("any", options)), 0));

/**
 * Whether all elements over axes are true (not 0), as `bool`.
 *
 * @example all(tensor([[1, 1], [0, 1]]), { axis: 1 }) // [1, 0]
 */
export const all = (x: Operand, options?: ReduceOptions): Tensor =>
  inNameOf("all", () => equal(sum(not(x), checked("all", options)), 0));

export interface VarianceOptions extends ReduceOptions {
  /** The sum of squares is divided by n − correction: 0 for the population variance, 1 for an unbiased estimate. */
  readonly correction?: number;
}

/** The mean squared distance from the mean. @example variance(tensor([1, 3])) // 1 */
export function variance(x: Operand, options?: VarianceOptions): Tensor {
  return varianceOf("variance", x, options);
}

function varianceOf(op: string, x: Operand, options: VarianceOptions | undefined): Tensor {
  const { axis, keepDims, correction } = readOptions(
    op,
    options,
    { ...reduceOptions, correction: finite },
    { ...defaults, correction: 0 },
  );
  const t = inFloats(readTensor(x, op));
  const axes = axesOf(op, axis, t.shape);
  const distance = sub(t, mean(t, { axis: axes, keepDims: true }));
  return div(sum(square(distance), { axis: axes, keepDims }), Math.max(0, count(t, axes) - correction));
}

/** The square root of the variance; where that is 0 the gradient is 0. @example std(tensor([1, 3])) // 1 */
export const std = (x: Operand, options?: VarianceOptions): Tensor => sqrtZeroSafe(varianceOf("std", x, options));

export interface NormOptions extends ReduceOptions {
  /** The power, by default 2; 0 counts what is not 0, and ∞ and −∞ take the largest and the smallest |x|. */
  readonly p?: number;
}

/**
 * The norm (Σ|x|ᵖ)^(1/p) over axes, by default the Euclidean one. Where x or the norm is 0 the gradient is 0. A norm
 * without a value for an empty axis (p < 0, p = ∞) refuses it.
 *
 * @example norm(tensor([3, 4])) // 5
 */
export function norm(x: Operand, options?: NormOptions): Tensor {
  const { p, ...how } = readOptions("norm", options, { ...reduceOptions, p: anyNumber }, { ...defaults, p: 2 });
  const t = inFloats(readTensor(x, "norm"));
  return composed("norm", () => (p === 2 ? sqrtZeroSafe(sum(square(t), how)) : powerNorm(t, p, how)));
}

function powerNorm(x: Tensor, p: number, how: ReduceOptions): Tensor {
  if (p === 0) return inDType(sum(cast(x, "bool"), how), x.dtype);
  const size = abs(x);
  if (p === 1) return sum(size, how);
  if (p === Infinity) return max(size, how);
  if (p < 0) {
    const smallest = min(size, how); // refuses an empty axis
    if (p === -Infinity) return smallest;
  }
  // 0 is replaced before it reaches a power, whose slope there may be infinite.
  const isZero = equal(size, 0);
  const total = sum(where(isZero, p < 0 ? Infinity : 0, pow(where(isZero, 1, size), p)), how);
  const none = equal(total, 0);
  return where(none, p < 0 ? Infinity : 0, pow(where(none, 1, total), 1 / p));
}

/**
 * log Σ eˣ over axes, without overflow.
 *
 * @example logSumExp(tensor([1000, -1000])) // 1000
 */
export function logSumExp(x: Operand, options?: ReduceOptions): Tensor {
  const { axis, keepDims } = readOptions("logSumExp", options, reduceOptions, defaults);
  const t = inFloats(readTensor(x, "logSumExp"));
  const axes = axesOf("logSumExp", axis, t.shape);
  if (count(t, axes) === 0) return log(sum(t, { axis: axes, keepDims }));
  // log Σ e^(x−m) + m is the same for every m: m is the largest element, as a constant, or 0 where that is infinite.
  const largest = max(untaped(t), { axis: axes, keepDims: true });
  const m = where(isFinite(largest), largest, 0);
  const total = sum(exp(sub(t, m)), { axis: axes, keepDims: true });
  const empty = equal(total, 0); // every element is −∞; the infinite slope of the logarithm times 0 would give NaN
  const y = where(empty, -Infinity, add(log(where(empty, 1, total)), m));
  return keepDims
    ? y
    : reshape(
        y,
        t.shape.filter((_, i) => !axes.includes(i)),
      );
}

/**
 * How many elements over axes are not 0, `i32`. NaN is not 0.
 *
 * @example countNonzero(tensor([[0, 1], [2, 3]]), { axis: 0 }) // [1, 2]
 */
export const countNonzero = (x: Operand, options?: ReduceOptions): Tensor =>
  inNameOf("countNonzero", () => sum(cast(x, "bool"), checked("countNonzero", options)));
