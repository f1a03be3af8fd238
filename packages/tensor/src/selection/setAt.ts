// Assignment as a function: a copy of x with other elements at some places.
import { applyRead, placed, read, readTensor } from "../apply.ts";
import { sameShape, sizeOf, text } from "../axes.ts";
import { inNameOf } from "../context.ts";
import { where } from "../elementwise.ts";
import { ShapeError } from "../errors.ts";
import { filled } from "../filled.ts";
import type { Operand, Value } from "../interpreter.ts";
import { broadcastTo, permute, reshape } from "../movement.ts";
import { checkNumber, inDType } from "../operands.ts";
import type { Shape } from "../ops.ts";
import { partsOf, reversed, type Part } from "../span.ts";
import type { Tensor } from "../tensor.ts";
import { isOperand, mergedRows, selection, type Place } from "./places.ts";
import { assigned } from "./winners.ts";

/** A value in the dtype of the tensor that it is assigned to. */
export const assignable = (op: string, t: Tensor, value: Value): Value =>
  typeof value === "object" ? inDType(value, t.dtype) : checkNumber(op, t.dtype, value);

/** A value in the shape that is assigned to, which may have fewer axes of size 1 in front. */
function spread(value: Value, shape: Shape): Value {
  if (typeof value === "number") return value;
  let { shape: own } = value;
  while (own.length > shape.length && own[0] === 1) own = own.slice(1);
  return broadcastTo(reshape(value, own), shape);
}

/** x with `value` in place of a part of each axis. */
export function withParts(x: Tensor, parts: readonly Part[], value: Value): Tensor {
  const shape = parts.map(({ size }) => size);
  const inner = typeof value === "number" ? value : reversed(reshape(value, shape), parts);
  if (typeof inner === "object" && sameShape(shape, x.shape)) return inner;
  const attrs = {
    before: parts.map(({ start }) => start),
    after: parts.map(({ start, size, step }, i) => x.shape[i]! - start - (size === 0 ? 0 : (size - 1) * step + 1)),
    interior: parts.map(({ step }) => step - 1),
    value: 0,
  };
  const whole = filled(x, 1, shape, "bool");
  const outer = typeof inner === "number" ? inner : applyRead("pad", [inner], attrs);
  return where(applyRead("pad", [whole], attrs), outer, x);
}

function masked(t: Tensor, mask: Tensor, value: Value): Tensor {
  const { length } = mask.shape;
  if (length > t.shape.length || mask.shape.some((d, i) => d !== t.shape[i]))
    throw new ShapeError(`setAt: a mask of shape ${text(mask.shape)} does not fit shape ${text(t.shape)}`);
  const wide = reshape(mask, [...mask.shape, ...t.shape.slice(length).map(() => 1)]);
  return where(wide, spread(value, t.shape), t);
}

/**
 * x with `value` at the places that `at` would read: a list of places, or one place. The value broadcasts to the shape
 * that `at` gives, and is converted to the dtype of x. Of several values for one element the last one counts, and gets
 * the gradient. With a mask (`bool`) it is `where(mask, value, x)`.
 *
 * @example setAt(tensor([[1, 2], [3, 4]]), [":", 0], 9) // [[9, 2], [9, 4]]
 * @example setAt(tensor([1, 2, 3]), [[0, 2, 0]], tensor([7, 8, 9])) // [9, 2, 8]
 * @example setAt(tensor([1, -2, 3]), less(tensor([1, -2, 3]), 0), 0) // [1, 0, 3]
 */
export function setAt(x: Operand, places: Place | readonly Place[], value: Operand): Tensor {
  const list: readonly Place[] = Array.isArray(places) ? (places as readonly Place[]) : [places as Place];
  const beside = placed([x, value, ...list.filter(isOperand)]);
  const t = readTensor(x, "setAt", beside);
  const given = assignable("setAt", t, read(value, "setAt", t));
  return inNameOf("setAt", () => {
    const only = list.length === 1 && isOperand(list[0]) ? readTensor(list[0], "setAt", t) : undefined;
    if (only?.dtype === "bool") return inDType(masked(t, only, given), t.dtype);
    const { parts, rows, sliced } = selection("setAt", t, list);
    if (rows === undefined) return inDType(withParts(t, parts, spread(given, sliced)), t.dtype);
    const { order, axis, merged, index } = rows;
    const base = mergedRows(reshape(partsOf(t, parts), sliced), rows);
    const count = sizeOf(index.shape);
    const all = spread(given, merged.toSpliced(axis, 1, ...index.shape));
    const values = typeof all === "number" ? all : reshape(all, merged.with(axis, count));
    const y = assigned(base, reshape(index, [count]), values, axis);
    const apart = order.map((i) => sliced[i]!);
    const back = sliced.map((_, i) => order.indexOf(i));
    return inDType(withParts(t, parts, permute(reshape(y, apart), back)), t.dtype);
  });
}
