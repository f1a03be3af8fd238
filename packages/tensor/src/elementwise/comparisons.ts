// Two operands compared: which one is larger, whether just one is true or both are close; and what lies between them.
import { notEqual } from "../activations.ts";
import { isFloat } from "../dtype.ts";
import { abs, add, and, cast, equal, isFinite, isNaN, less, lessEqual, mul, or, sub, where } from "../elementwise.ts";
import { asTensor, elementwiseOp } from "../expression.ts";
import { composed, formula } from "../formula.ts";
import type { FusedOp } from "../fused.ts";
import type { Operand } from "../interpreter.ts";
import { inFloats } from "../operands.ts";
import { boolean, nonNegative, readOptions } from "../options.ts";
import type { Tensor } from "../tensor.ts";
import { ofPair, pair } from "./pair.ts";

/** A function of two operands. */
type Binary = (a: Operand, b: Operand) => Tensor;

/** `a` unless it loses or is NaN. A tie and its gradient are a's. */
const better = (name: string, a: Operand, b: Operand, more: unknown, wins: Binary): Tensor =>
  ofPair(name, a, b, more, (x, y) => where(or(wins(x, y), isNaN(y)), x, y));

/**
 * The larger of two, and the other where one is NaN (`maximum`: NaN). In a tie the gradient is a's.
 *
 * @example fmax(tensor([1, NaN, 5]), 3) // [3, 3, 5]
 */
export const fmax: Binary = (a, b, more?: unknown) => better("fmax", a, b, more, (x, y) => lessEqual(y, x));

/**
 * The smaller of two, and the other where one is NaN (`minimum`: NaN). In a tie the gradient is a's.
 *
 * @example fmin(tensor([1, NaN, 5]), 3) // [1, 3, 3]
 */
export const fmin: Binary = (a, b, more?: unknown) => better("fmin", a, b, more, lessEqual);

/** Whether exactly one of both is true (not 0), as `bool`. @example xor(tensor([1, 1, 0]), tensor([1, 0, 2])) // [0, 1, 1] */
export const xor: Binary = (a, b, more?: unknown) =>
  ofPair("xor", a, b, more, (x, y) => notEqual(cast(x, "bool"), cast(y, "bool")));

export interface CloseOptions {
  /** How far a may be off, relative to |b|. */
  readonly rtol?: number;
  /** How far a may be off besides. */
  readonly atol?: number;
  /** Whether NaN is close to NaN. */
  readonly equalNaN?: boolean;
}

/** |x − y| as floating-point numbers; of integers whose difference fits i32 it is 0 only if they are equal. */
function distanceOf(x: Tensor, y: Tensor): Tensor {
  const floats = abs(sub(inFloats(x), inFloats(y)));
  if (isFloat(x.dtype)) return floats;
  const exact = sub(x, y);
  const wrapped = notEqual(less(x, y), less(exact, 0));
  return where(wrapped, floats, abs(inFloats(exact)));
}

/**
 * Whether |a − b| ≤ atol + rtol·|b|, as `bool`; infinities are close to themselves.
 *
 * @example isClose(tensor([1, 1.1]), tensor([1.000001, 1])) // [1, 0]
 */
export function isClose(a: Operand, b: Operand, options?: CloseOptions): Tensor {
  const kinds = { rtol: nonNegative, atol: nonNegative, equalNaN: boolean };
  const defaults = { rtol: 1e-5, atol: 1e-8, equalNaN: false };
  const { rtol, atol, equalNaN } = readOptions("isClose", options, kinds, defaults);
  return composed("isClose", () => {
    const [x, y] = pair("isClose", a, b);
    const distance = distanceOf(x, y);
    const near = and(isFinite(distance), lessEqual(distance, add(abs(mul(inFloats(y), rtol)), atol)));
    const close = or(equal(x, y), near);
    return equalNaN ? or(close, and(isNaN(x), isNaN(y))) : close;
  });
}

const lerpOp: FusedOp<undefined> = /* @__PURE__ */ elementwiseOp(
  "lerp",
  (k, a, b, w) => {
    const way = k.sub(b!, a!);
    const fromB = k.sub(b!, k.mul(way, k.sub(k.constant(1), w!)));
    return k.where(k.less(k.abs(w!), k.constant(0.5)), k.add(a!, k.mul(w!, way)), fromB);
  },
  (_, [a, b, w]) => [
    (g) => mul(g, sub(1, asTensor(w!, g))),
    (g) => mul(g, w!),
    (g) => mul(g, sub(asTensor(b!, g), a!)),
  ],
);

/**
 * a + weight·(b − a): from a at weight 0 to b at weight 1, and beyond.
 *
 * @example lerp(tensor([0, 10]), tensor([4, 20]), 0.25) // [1, 12.5]
 */
export const lerp: (a: Operand, b: Operand, weight: Operand) => Tensor = (a, b, weight, more?: unknown) =>
  formula(lerpOp, [a, b, weight], more);
