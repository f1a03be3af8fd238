// How functions see the axes that they work along: one axis of a tensor, of which a scalar has one, too; or rows along
// the last axis, made of all axes that are reduced.
import { axisOf, sizeOf } from "./axes.ts";
import type { Value } from "./interpreter.ts";
import { permute, reshape } from "./movement.ts";
import type { Shape } from "./ops.ts";
import { reducedShape, refuseEmpty } from "./rules/reduce.ts";
import type { Tensor } from "./tensor.ts";

/** A scalar as a vector of one element, as in PyTorch; numbers and other tensors as they are. */
export const vectorOf = <X extends Value>(x: X): X | Tensor =>
  typeof x === "object" && x.shape.length === 0 ? reshape(x, [1]) : x;

/** Whether one of these is a scalar and the other one is, too, or is a vector. */
export const besideScalar = (a: Tensor, b: Tensor): boolean => a.shape.length + b.shape.length < 2;

/** x and an axis of it, counted from the front. A scalar counts as a vector. */
export function along(op: string, x: Tensor, axis: number): readonly [x: Tensor, axis: number] {
  const t = vectorOf(x);
  return [t, axisOf(op, axis, t.shape)];
}

/** A result of `along` in the shape of x. */
export const shapedLike = (y: Tensor, x: Tensor): Tensor =>
  y.shape.length === x.shape.length ? y : reshape(y, x.shape);

/** A tensor as rows, and what a result with one element per row is reshaped to. */
export interface Rows {
  /** [...kept axes, elements of a row] */
  readonly rows: Tensor;
  /** How many elements a row has. */
  readonly length: number;
  readonly shape: Shape;
}

/** The rows that are reduced to one element each. */
export function rowsOf(x: Tensor, axes: readonly number[], keepDims: boolean): Rows {
  const rest = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const kept = rest.map((i) => x.shape[i]!);
  const length = sizeOf(axes.map((i) => x.shape[i]!));
  const rows = reshape(permute(x, [...rest, ...axes]), [...kept, length]);
  return { rows, length, shape: reducedShape(x.shape, axes, keepDims) };
}

/** The same of a function that has no value for an empty row, and refuses it. */
export function fullRowsOf(op: string, x: Tensor, axes: readonly number[], keepDims: boolean): Rows {
  const found = rowsOf(x, axes, keepDims);
  refuseEmpty(op, x.shape, found.shape, axes);
  return found;
}
