// Scans other than sums: each element of the result depends on all elements up to its position along an axis. They are
// composed of log₂ n steps (Hillis and Steele 1986), so that a long axis takes few operations and loses few digits, and
// gradients of every order are those of the steps.
import { along, shapedLike } from "../along.ts";
import { alias, readTensor, untaped } from "../apply.ts";
import type { Ordered } from "../arrangement.ts";
import { isFloat } from "../dtype.ts";
import { isNaN, lessEqual, maximum, minimum, mul, or, sub, where } from "../elementwise.ts";
import { logAddExp } from "../elementwise/exponentials.ts";
import { iota } from "../filled.ts";
import { composed } from "../formula.ts";
import { gather } from "../indexing.ts";
import type { Operand } from "../interpreter.ts";
import { broadcastTo, concat, flip } from "../movement.ts";
import { inFloats, inNumbers } from "../operands.ts";
import { boolean, integer, readOptions } from "../options.ts";
import { span } from "../span.ts";
import type { Tensor } from "../tensor.ts";

export interface ScanOptions {
  /** The axis to scan along, by default the last one. */
  readonly axis?: number;
  /** Whether to scan from the other end. */
  readonly reverse?: boolean;
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

const defaults = { axis: -1, reverse: false };

/** What a scan works on: x with the axis in the order of the scan, and how a result becomes one in the order of x. */
interface Scanned {
  readonly t: Tensor;
  readonly axis: number;
  readonly reverse: boolean;
  readonly shaped: (y: Tensor) => Tensor;
}

function scanned<T>(op: string, x: Operand, options: ScanOptions | undefined, f: (of: Scanned) => T): T {
  const { axis, reverse } = readOptions(op, options, { axis: integer, reverse: boolean }, defaults);
  const given = readTensor(x, op);
  const [line, at] = along(op, given, axis);
  return composed(op, () => {
    const turned = (y: Tensor): Tensor => (reverse ? flip(y, { axis: at }) : y);
    const shaped = (y: Tensor): Tensor => (y === given ? alias(y) : shapedLike(turned(y), given));
    return f({ t: turned(line), axis: at, reverse, shaped });
  });
}

/**
 * The products of all elements up to each one, along an axis; from the other end with `reverse`.
 *
 * @example cumprod(tensor([1, 2, 3, 4])) // [1, 2, 6, 24]
 */
export const cumprod = (x: Operand, options?: ScanOptions): Tensor =>
  scanned("cumprod", x, options, ({ t, axis, shaped }) => shaped(scan(inNumbers(t), axis, mul)));

/**
 * The logarithm of the sum of eˣ over all elements up to each one, along an axis, without overflow; from the other end with
 * `reverse`.
 *
 * @example logCumSumExp(tensor([1000, -1000])) // [1000, 1000]
 */
export const logCumSumExp = (x: Operand, options?: ScanOptions): Tensor =>
  scanned("logCumSumExp", x, options, ({ t, axis, shaped }) => shaped(scan(inFloats(t), axis, logAddExp)));

/** The positions at which `extreme` of all elements so far was last reached, and the elements there. */
function running(
  op: string,
  x: Operand,
  options: ScanOptions | undefined,
  extreme: Combine,
  reaches: (x: Tensor, y: Tensor) => Tensor,
): Ordered {
  return scanned(op, x, options, ({ t: given, axis, reverse, shaped }) => {
    const t = inNumbers(given);
    const plain = untaped(t);
    const reached = reaches(plain, scan(plain, axis, extreme));
    const hit = isFloat(t.dtype) ? or(reached, isNaN(plain)) : reached;
    const indices = scan(where(hit, places(plain, axis), 0), axis, maximum);
    const own = reverse ? sub(t.shape[axis]! - 1, indices) : indices;
    return { values: shaped(gather(t, indices, { axis })), indices: shaped(own) };
  });
}

/** The position of each element along an axis, `i32`. */
export function places(x: Tensor, axis: number): Tensor {
  const line = x.shape.slice(axis).map((d, i) => (i === 0 ? d : 1));
  return broadcastTo(iota(x, line), x.shape);
}

/**
 * The largest of all elements up to each one, along an axis, and its position (`i32`): the last one of equal elements;
 * from the other end with `reverse`, where it is the first one.
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
