// Pooling over windows of one to three spatial axes: maxima, means and norms; x is [N, C, ...S].
import { apply, readTensor } from "../apply.ts";
import { sizeOf } from "../axes.ts";
import { inNameOf } from "../context.ts";
import { add, div, equal, mod, mul, pow, sub, where } from "../elementwise.ts";
import { ArgumentError } from "../errors.ts";
import { filled, iota } from "../filled.ts";
import { composed } from "../formula.ts";
import type { Operand } from "../interpreter.ts";
import { broadcastTo, reshape } from "../movement.ts";
import { inDType, inFloats, inNumbers } from "../operands.ts";
import type { PoolAttrs, Shape } from "../ops.ts";
import { boolean, finite, numbers, readOptions, readValue, type OptionKinds } from "../options.ts";
import { each, spatial, type PerAxis } from "../spatial.ts";
import type { Tensor } from "../tensor.ts";
import { integerMaxima, integerMaximaWithPlaces } from "./integers.ts";
import { pooling, poolKinds, type PoolOptions } from "./windows.ts";

export type { PoolOptions };

export interface MaxPoolOptions extends PoolOptions {
  /** The distance between the elements of the window. */
  readonly dilation?: PerAxis;
}

export interface AvgPoolOptions extends PoolOptions {
  /** Whether padding counts as zeros, or not at all; true by default. */
  readonly countIncludePad?: boolean;
  /** Divides the sums, in place of the number of elements. */
  readonly divisor?: number;
}

const maxKinds: OptionKinds<MaxPoolOptions> = { ...poolKinds, dilation: numbers };
const avgKinds: OptionKinds<AvgPoolOptions> = { ...poolKinds, countIncludePad: boolean, divisor: finite };

function maxima(op: string, x: Operand, options: MaxPoolOptions): { readonly t: Tensor; readonly attrs: PoolAttrs } {
  const given = readOptions(op, options, maxKinds, {});
  const t = inNumbers(readTensor(x, op));
  spatial(op, t);
  return { t, attrs: pooling(op, t.shape, given).attrs };
}

/**
 * The largest element of each window; padding is less than everything, NaN is greatest, and the first of equals has the
 * gradient. Sizes become ⌊(S + padding − dilation (window − 1) − 1) / stride⌋ + 1, with `ceilMode` rounded up, except
 * for windows that would begin behind x. Integers stay `i32`. Like PyTorch's `max_pool1d`, `max_pool2d` and `max_pool3d`.
 *
 * @example maxPool(tensor([[[1, 3, 2, 4]]]), { window: 2 }) // [[[3, 4]]]
 * @example maxPool(tensor([[[1, 3, 2]]]), { window: 2, ceilMode: true }) // [[[3, 2]]]
 */
export function maxPool(x: Operand, options: MaxPoolOptions): Tensor {
  const { t, attrs } = maxima("maxPool", x, options);
  return t.dtype === "i32" ? composed("maxPool", () => integerMaxima(t, attrs)) : apply("maxPool", [t], attrs);
}

/** What an element of a float plane can count exactly. */
const EXACT = 2 ** 24;
const LOW = 2 ** 12;

/**
 * Like `maxPool`, with the places of the largest elements: `indices` (i32) count the elements of a plane of x in
 * row-major order, as `maxUnpool` and `gather` take them.
 *
 * @example maxPoolWithIndices(tensor([[[1, 3, 4, 2]]]), { window: 2 }).indices // [[[1, 2]]]
 */
export function maxPoolWithIndices(
  x: Operand,
  options: MaxPoolOptions,
): { readonly values: Tensor; readonly indices: Tensor } {
  const { t, attrs } = maxima("maxPoolWithIndices", x, options);
  if (t.dtype === "i32") return composed("maxPoolWithIndices", () => integerMaximaWithPlaces(t, attrs));
  return inNameOf("maxPoolWithIndices", () => {
    const values = apply("maxPool", [t], attrs);
    const plane = t.shape.slice(2);
    const count = sizeOf(plane);
    const places = iota(t, [count]);
    const pick = (numbered: Tensor): Tensor => {
      const planes = broadcastTo(reshape(inDType(numbered, t.dtype), [1, 1, ...plane]), t.shape);
      return inDType(apply("maxPoolPick", [t, planes], attrs), "i32");
    };
    if (count <= EXACT || t.dtype === "f64") return { values, indices: pick(places) };
    // Floats hold the two parts of a larger number exactly.
    const low = mod(places, LOW);
    return { values, indices: add(pick(sub(places, low)), pick(low)) };
  });
}

/**
 * The mean of each window. Padding counts as zeros, or not at all with `countIncludePad: false`; what `ceilMode` adds
 * does not count. `divisor` divides the sums instead. Sizes are those of `maxPool`. Like PyTorch's `avg_pool1d`,
 * `avg_pool2d` and `avg_pool3d`.
 *
 * @example avgPool(tensor([[[1, 3, 2, 4]]]), { window: 2 }) // [[[2, 3]]]
 */
export function avgPool(x: Operand, options: AvgPoolOptions): Tensor {
  const read = readOptions("avgPool", options, avgKinds, { countIncludePad: true });
  const { countIncludePad, divisor } = read;
  if (divisor === 0) throw new ArgumentError("avgPool: wanted a divisor other than 0");
  const t = inFloats(readTensor(x, "avgPool"));
  spatial("avgPool", t);
  const { attrs, given } = pooling("avgPool", t.shape, read);
  const total = inNameOf("avgPool", () => apply("sumPool", [t], attrs));
  if (divisor !== undefined) return div(total, divisor);
  const counted = countIncludePad ? given : given.map(() => [0, 0] as const);
  if (attrs.padding.every(([low, high], i) => low === counted[i]![0] && high === counted[i]![1]))
    return div(total, sizeOf(attrs.window));
  const shape: Shape = [1, 1, ...t.shape.slice(2).map((size, i) => size + counted[i]![0] + counted[i]![1])];
  const padding = attrs.padding.map(([low, high], i) => [low - counted[i]![0], high - counted[i]![1]] as const);
  const ones = filled(t, 1, shape);
  return div(total, apply("sumPool", [ones], { ...attrs, padding }));
}

/**
 * (n · mean of xᵖ)^(1/p) over each window of n elements, which is (Σ xᵖ)^(1/p) but for windows that `ceilMode` adds.
 * Where the sum is 0, the gradient is 0. Sizes are those of `maxPool`. Like PyTorch's `lp_pool1d` and `lp_pool2d`.
 *
 * @example lpPool(tensor([[[3, 4, 0, 2]]]), 2, { window: 2 }) // [[[5, 2]]]
 */
export function lpPool(x: Operand, p: number, options: PoolOptions): Tensor {
  readValue("lpPool", "p", p, finite);
  const given = readOptions("lpPool", options, poolKinds, {});
  if (p === 0) throw new ArgumentError("lpPool: wanted a number other than 0 as p");
  const t = inFloats(readTensor(x, "lpPool"));
  const n = spatial("lpPool", t);
  return inNameOf("lpPool", () => {
    const total = mul(avgPool(pow(t, p), given), sizeOf(each("lpPool", "window", given.window, n)));
    const isZero = equal(total, 0);
    return where(isZero, total, pow(where(isZero, 1, total), 1 / p));
  });
}
