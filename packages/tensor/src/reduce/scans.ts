// Scans other than sums: each element of the result depends on all elements up to its position along an axis. They are
// composed of log₂ n steps (Hillis and Steele 1986), so that a long axis takes few operations and loses few digits, and
// gradients of every order are those of the steps.
import { along, shapedLike } from "../along.ts";
import { alias, readTensor, source, untaped } from "../apply.ts";
import type { Ordered } from "../arrangement.ts";
import { isFloat } from "../dtype.ts";
import { isNaN, lessEqual, maximum, minimum, mul, or, where } from "../elementwise.ts";
import { logAddExp } from "../elementwise/exponentials.ts";
import { composed } from "../formula.ts";
import { gather } from "../indexing.ts";
import type { Operand } from "../interpreter.ts";
import { broadcastTo, concat } from "../movement.ts";
import { inFloats, inNumbers } from "../operands.ts";
import { integer, readOptions } from "../options.ts";
import { span } from "../span.ts";
import type { Tensor } from "../tensor.ts";

export interface ScanOptions {
  /** The axis to scan along, by default the last one. */
  readonly axis?: number;
}

type Combine = (before: Tensor, here: Tensor) => Tensor;

/** Each element combined with all before it. `combine` must be associative. */
export function scan(x: Tensor, axis: number, combine: Combine): Tensor {
  const size = x.shape[axis]!;
  const part = (t: Tensor, start: number, end: number): Tensor => span(t, axis, start, end - start);
  let y = x;
  for (let by = 1; by < size; by *= 2)
    y = concat([part(y, 0, by), combine(part(y, 0, size - by), part(y, by, size))], { axis });
  return y;
}

/** Calls `f` with x and the axis of the options, and gives its result the shape of x. */
function scanned<T>(
  op: string,
  x: Operand,
  options: ScanOptions | undefined,
  f: (t: Tensor, axis: number, shaped: (y: Tensor) => Tensor) => T,
): T {
  const { axis } = readOptions(op, options, { axis: integer }, { axis: -1 });
  const given = readTensor(x, op);
  const [t, at] = along(op, given, axis);
  const shaped = (y: Tensor): Tensor => (y === given ? alias(y) : shapedLike(y, given));
  return composed(op, () => f(t, at, shaped));
}

/**
 * The products of all elements up to each one, along an axis.
 *
 * @example cumprod(tensor([1, 2, 3, 4])) // [1, 2, 6, 24]
 */
export const cumprod = (x: Operand, options?: ScanOptions): Tensor =>
  scanned("cumprod", x, options, (t, axis, shaped) => shaped(scan(inNumbers(t), axis, mul)));

/**
 * The logarithm of the sum of eˣ over all elements up to each one, along an axis, without overflow.
 *
 * @example logCumSumExp(tensor([1000, -1000])) // [1000, 1000]
 */
export const logCumSumExp = (x: Operand, options?: ScanOptions): Tensor =>
  scanned("logCumSumExp", x, options, (t, axis, shaped) => shaped(scan(inFloats(t), axis, logAddExp)));

/** The positions at which `extreme` of all elements so far was last reached, and the elements there. */
function running(
  op: string,
  x: Operand,
  options: ScanOptions | undefined,
  extreme: Combine,
  reaches: (x: Tensor, y: Tensor) => Tensor,
): Ordered {
  return scanned(op, x, options, (given, axis, shaped) => {
    const t = inNumbers(given);
    const plain = untaped(t);
    const reached = reaches(plain, scan(plain, axis, extreme));
    const hit = isFloat(t.dtype) ? or(reached, isNaN(plain)) : reached;
    const indices = scan(where(hit, places(plain, axis), 0), axis, maximum);
    return { values: shaped(gather(t, indices, { axis })), indices: shaped(indices) };
  });
}

/** The position of each element along an axis, `i32`. */
export function places({ shape, interpreter }: Tensor, axis: number): Tensor {
  const line = shape.slice(axis).map((d, i) => (i === 0 ? d : 1));
  return broadcastTo(source(interpreter.backend, "iota", [], { shape: line, axis: 0, dtype: "i32" }), shape);
}

/**
 * The largest of all elements up to each one, along an axis, and its position (`i32`): the last one of equal elements.
 * NaN counts as the largest. The gradient goes to the element at that position.
 *
 * @example cummax(tensor([1, 3, 2, 3])).values // [1, 3, 3, 3]
 */
export const cummax = (x: Operand, options?: ScanOptions): Ordered =>
  running("cummax", x, options, maximum, (t, y) => lessEqual(y, t));

/**
 * The smallest of all elements up to each one, along an axis, and its position, like `cummax`; NaN stays NaN.
 *
 * @example cummin(tensor([3, 1, 2, 1])).indices // [0, 1, 1, 3]
 */
export const cummin = (x: Operand, options?: ScanOptions): Ordered => running("cummin", x, options, minimum, lessEqual);
