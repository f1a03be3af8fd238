// Axes and shapes as users write them: counted from either end, one or many. And how messages show them.
import { ArgumentError, describe, ShapeError, shown } from "./errors.ts";
import type { Shape } from "./ops.ts";

/** One axis, several, or (null, undefined) all of them; negative axes count from the end. */
export type Axes = number | readonly number[] | null | undefined;

/** The most axes that a tensor may have. */
export const MOST_AXES = 64;

/** `[2, 3]`, as messages show shapes. */
export const text = (list: ArrayLike<unknown>): string =>
  list.length > MOST_AXES
    ? `an array of ${list.length}`
    : `[${Array.from(list, (x) => (typeof x === "object" || typeof x === "symbol" ? describe(x) : x)).join(", ")}]`;

/** A copy of a list, from an array or a typed array. */
export function listOf(op: string, name: string, x: unknown): number[] {
  if (Array.isArray(x)) return [...(x as number[])]; // of frozen arrays, slice, map and filter are slow
  if (ArrayBuffer.isView(x) && "length" in x) {
    if (x.length === 0) checkThere(op, x.buffer);
    return Array.from(x as unknown as number[]);
  }
  throw new ArgumentError(`${op}: wanted a list of integers as ${name}, such as [2, 3], got ${describe(x)}`);
}

/** Refuses a buffer that was transferred away: a view of it looks empty. */
export function checkThere(op: string, buffer: ArrayBufferLike): void {
  try {
    void new Uint8Array(buffer, 0, 0);
  } catch (cause) {
    throw new ArgumentError(`${op}: the array's buffer is detached: it was transferred, perhaps to a worker`, {
      cause,
    });
  }
}

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

/** An axis counted from the front. `extra` is the number of axes that are about to be added (stack, unsqueeze). */
export function axisOf(op: string, axis: number, shape: Shape, extra = 0): number {
  const rank = shape.length + extra;
  if (!Number.isInteger(axis)) throw new ArgumentError(`${op}: an axis is an integer, got ${shown(axis)}`);
  if (axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis + 0; // -0 is 0
  const range = rank === 0 ? "a scalar has no axes" : `axes go from ${-rank} to ${rank - 1}`;
  throw new ShapeError(`${op}: axis ${axis} is out of range for shape ${text(shape)}: ${range}`);
}

/**
 * Axes counted from the front and sorted; all axes for null and undefined. Axis 0 or -1 of a scalar is none, as in NumPy
 * and PyTorch, also in a list.
 */
export function axesOf(op: string, axes: Axes, shape: Shape): readonly number[] {
  if (axes === null || axes === undefined) return allAxes(shape);
  const list = typeof axes === "number" ? [axes] : listOf(op, "axis", axes);
  if (shape.length === 0 && list.length === 1 && (list[0] === 0 || list[0] === -1)) return [];
  const sorted = list.map((axis) => axisOf(op, axis, shape)).toSorted((a, b) => a - b);
  for (let i = 1; i < sorted.length; i++)
    if (sorted[i] === sorted[i - 1]) throw new ShapeError(`${op}: axis ${sorted[i]} is named twice in ${text(list)}`);
  return sorted;
}

/** Refuses what is not a list of sizes, and a tensor with too many axes or elements. */
function checkSizes(op: string, shape: Shape): void {
  const { length } = shape;
  if (length > MOST_AXES) throw new ShapeError(`${op}: a tensor has at most ${MOST_AXES} axes, got ${length}`);
  let n = 1;
  for (let i = 0; i < length; i++) {
    const d = shape[i]!;
    if (!(Number.isInteger(d) && d >= 0))
      throw new ShapeError(`${op}: the sizes of a shape must be non-negative integers, got ${text(shape)}`);
    n *= d || 1;
  }
  if (n > Number.MAX_SAFE_INTEGER)
    throw new ShapeError(`${op}: a tensor has at most 2^53 - 1 elements, got shape ${text(shape)}`);
}

/** How many recent lists a reader remembers, by a hash of their content. */
const REMEMBERED = 256;

/**
 * A reader of lists. It returns a checked and frozen list of the same numbers, so that changing the original changes
 * nothing here. Usually that is a list that it has returned before, which costs less than copying and freezing another
 * one.
 */
export function reader(
  check: (op: string, list: Shape, name: string) => void,
): (op: string, given: unknown, name: string) => Shape {
  const known: (Shape | undefined)[] = Array.from({ length: REMEMBERED });
  let last: Shape | undefined;
  return (op, given, name) => {
    if (given === last) return last as Shape;
    const list = (Array.isArray(given) ? given : listOf(op, name, given)) as Shape;
    let hash = list.length;
    for (let i = 0; i < list.length; i++) {
      const n = list[i]!;
      if (typeof n !== "number") check(op, list, name); // throws
      hash = (Math.imul(hash, 31) + n) | 0;
    }
    const at = (hash ^ (hash >>> 8)) & (REMEMBERED - 1);
    const old = known[at];
    if (old !== undefined && sameShape(old, list)) return (last = old);
    const copy = [...list];
    check(op, copy, name);
    return (last = known[at] = Object.freeze(copy.map((x) => x + 0))); // -0 is 0
  };
}

const readShape = reader(checkSizes);

/** The same shape, checked and frozen. Throws a ShapeError for bad sizes. */
export const shapeOf = (op: string, shape: Shape): Shape => readShape(op, shape, "shape");

/** All axes of a shape: 0, 1, … */
export function allAxes({ length }: Shape): number[] {
  const axes: number[] = [];
  for (let i = 0; i < length; i++) axes.push(i);
  return axes;
}
