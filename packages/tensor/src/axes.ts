// Axes and shapes as users write them: counted from either end, one or many, and how they are named in messages.
import { ArgumentError, ShapeError } from "./errors.ts";
import type { Shape } from "./ops.ts";

/** One axis, several, or (null, undefined) all of them; negative axes count from the end. */
export type Axes = number | readonly number[] | null | undefined;

/** `[2, 3]`, as shapes stand in messages. */
export const text = (list: readonly unknown[]): string => `[${list.join(", ")}]`;

/** The number of elements. */
export function sizeOf(shape: Shape): number {
  let n = 1;
  for (let i = 0; i < shape.length; i++) n *= shape[i]!;
  return n;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** An axis counted from the front. `extra` is 1 where the axis names a place between axes (stack, unsqueeze). */
export function axisOf(op: string, axis: number, shape: Shape, extra = 0): number {
  const rank = shape.length + extra;
  if (!Number.isInteger(axis)) throw new ArgumentError(`${op}: an axis is an integer, got ${String(axis)}`);
  if (axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
  const range = rank === 0 ? "a scalar has no axes" : `axes go from ${-rank} to ${rank - 1}`;
  throw new ShapeError(`${op}: axis ${axis} is out of range for shape ${text(shape)}: ${range}`);
}

/** Axes counted from the front and sorted; all of them for null and undefined. */
export function axesOf(op: string, axes: Axes, shape: Shape): readonly number[] {
  if (axes === null || axes === undefined) return shape.map((_, i) => i);
  if (typeof axes === "number") return [axisOf(op, axes, shape)];
  const sorted = axes.map((axis) => axisOf(op, axis, shape)).toSorted((a, b) => a - b);
  for (let i = 1; i < sorted.length; i++)
    if (sorted[i] === sorted[i - 1]) throw new ShapeError(`${op}: axis ${sorted[i]} is named twice in ${text(axes)}`);
  return sorted;
}

/** Refuses what is no list of sizes. */
export function checkSizes(op: string, shape: Shape): Shape {
  for (const d of shape)
    if (!(Number.isInteger(d) && d >= 0))
      throw new ShapeError(`${op}: the sizes of a shape are integers from 0, got ${text(shape)}`);
  return shape;
}
