// Places as `at` and `setAt` take them, one for each axis, read into steps: a slice of every axis, then rows at indices
// of some of them. The meaning is NumPy's.
import { readTensor } from "../apply.ts";
import { sameShape, sizeOf, text } from "../axes.ts";
import { hostArray } from "../creation.ts";
import { add, less, mul, or, where } from "../elementwise.ts";
import { ArgumentError, describe, DTypeError, IndexError, ShapeError } from "../errors.ts";
import type { Operand } from "../interpreter.ts";
import { permute, reshape } from "../movement.ts";
import { indicesOf } from "../operands.ts";
import type { Shape } from "../ops.ts";
import { partOf, type Bound, type Part } from "../span.ts";
import type { Tensor } from "../tensor.ts";
import { wrapped } from "./wrapping.ts";

/** Elements of an axis as in Python's `start:end:step`. */
export interface AxisRange {
  readonly start?: number | null;
  readonly end?: number | null;
  readonly step?: number | null;
}
/** Integers, nested to any depth; a flat list of booleans is a mask. */
export type IndexList = readonly (number | boolean | IndexList)[] | Int32Array;

/**
 * What is selected from an axis: one position (negative ones count from the end), a range, all of it (`":"`), or
 * positions in a list or an integer tensor. `"..."` stands for as many whole axes as are left, `null` for a new axis.
 */
export type Place = number | ":" | "..." | null | AxisRange | IndexList | Operand;

/** How a selection is computed. */
export interface Selection {
  /** The part of each axis; a single position is a part of one element. */
  readonly parts: readonly Part[];
  /** The shape of the sliced tensor, without single positions and with new axes. */
  readonly sliced: Shape;
  /** Indices over some axes of that, if there are any. */
  readonly rows: Rows | undefined;
}
interface Rows {
  /** The axes in the order in which those with indices are neighbors, and their first place in it. */
  readonly order: readonly number[];
  readonly axis: number;
  /** The shape in that order with the axes with indices merged into one. */
  readonly merged: Shape;
  /** Positions on the merged axis. */
  readonly index: Tensor;
}

interface Indexed {
  readonly index: Tensor;
  readonly size: number;
  /** Whether all indices are known to be in range. */
  readonly known: boolean;
}

/** Whether a place is a tensor or a box. */
export const isOperand = (x: unknown): x is Exclude<Operand, number> =>
  typeof x === "object" && x !== null && ("interpreter" in x || "read" in x);

function position(op: string, i: number, axis: number, shape: Shape): number {
  const size = shape[axis]!;
  if (!Number.isInteger(i)) throw new ArgumentError(`${op}: an index is an integer, got ${i}`);
  if (i < -size || i >= size)
    throw new IndexError(`${op}: index ${i} is out of range for axis ${axis} of shape ${text(shape)}`);
  return i < 0 ? i + size : i;
}

const isList = (x: unknown): boolean => Array.isArray(x) || ArrayBuffer.isView(x);

/** The numbers of a nested list in row-major order; fills in its shape. */
function flatten(op: string, list: unknown, shape: number[], depth = 0): (number | boolean)[] {
  if (!isList(list)) return [list as number];
  const items = Array.from(list as ArrayLike<unknown>);
  if (depth === shape.length) shape.push(items.length);
  const flat = items.some(isList)
    ? items.flatMap((item) => flatten(op, item, shape, depth + 1))
    : (items as (number | boolean)[]);
  if (shape[depth] !== items.length || flat.length !== sizeOf(shape.slice(depth)))
    throw new ShapeError(`${op}: nested lists of indices must be even, got ${describe(list)}`);
  return flat;
}

function fromList(op: string, list: IndexList, axis: number, x: Tensor): Indexed {
  const shape: number[] = list instanceof Int32Array ? [list.length] : [];
  let flat = list instanceof Int32Array ? list : flatten(op, list, shape);
  const size = x.shape[axis]!;
  if (Array.isArray(flat) && flat.length > 0 && flat.every((item) => typeof item === "boolean")) {
    if (shape.length !== 1 || shape[0] !== size)
      throw new ShapeError(
        `${op}: a mask of shape ${text(shape)} does not fit axis ${axis} of shape ${text(x.shape)}; one list has one boolean per element of an axis`,
      );
    flat = flat.flatMap((chosen, i) => (chosen === true ? i : []));
    shape[0] = flat.length;
  }
  const data = hostArray(op, flat.length, "i32");
  for (let k = 0; k < flat.length; k++) data[k] = position(op, flat[k] as number, axis, x.shape);
  return { index: x.interpreter.backend.upload(data, shape, "i32"), size, known: true };
}

function given(op: string, indices: Operand, axis: number, x: Tensor): Indexed {
  const t = readTensor(indices, op, x);
  if (t.dtype === "bool")
    throw new DTypeError(
      `${op}: a mask selects as many elements as its values say; use await maskedSelect(x, mask), or setAt(x, mask, value) with the mask alone`,
    );
  const size = x.shape[axis]!;
  const index = indicesOf(op, t);
  return { index: where(less(index, 0), add(index, size), index), size, known: false };
}

/** Positions on the merged axis: −1 where one of the indices is out of range. */
function merge(all: readonly Indexed[]): Tensor {
  const [one] = all as [Indexed];
  if (all.length === 1) return one.index;
  const total = all.reduce((n, { size }) => n * size, 1);
  const linear = all.slice(1).reduce((sum, { index, size }) => add(mul(sum, size), index), one.index);
  if (all.every(({ known }) => known)) return wrapped(linear, total);
  const wrong = all
    .filter(({ known }) => !known)
    .map(({ index, size }) => or(less(index, 0), less(size - 1, index)))
    .reduce((a, b) => or(a, b));
  return where(wrong, -1, linear);
}

/** Places with `"..."` replaced by whole axes. */
function expanded(op: string, places: readonly Place[], { shape }: Tensor): Place[] {
  const dots = places.indexOf("...");
  if (dots !== places.lastIndexOf("...")) throw new ArgumentError(`${op}: wanted "..." once, got it twice`);
  const named = places.filter((place) => place !== null && place !== "...").length;
  if (named > shape.length)
    throw new ShapeError(`${op}: ${named} places do not fit shape ${text(shape)} of ${shape.length} axes`);
  const rest = Array.from({ length: shape.length - named }, () => ":" as const);
  return dots < 0 ? [...places, ...rest] : [...places.slice(0, dots), ...rest, ...places.slice(dots + 1)];
}

const isIndexed = (place: Place): boolean => isOperand(place) || Array.isArray(place) || ArrayBuffer.isView(place);

/** Reads the places for a tensor. */
export function selection(op: string, x: Tensor, places: readonly Place[]): Selection {
  const all = expanded(op, places, x);
  const parts: Part[] = [];
  const sliced: number[] = [];
  const indexed: (Indexed & { readonly at: number })[] = [];
  for (const place of all) {
    if (place === null) {
      sliced.push(1);
      continue;
    }
    const axis = parts.length;
    const d = x.shape[axis]!;
    if (typeof place === "number") {
      parts.push({ start: position(op, place, axis, x.shape), size: 1, step: 1, backward: false });
      continue;
    }
    const range = isIndexed(place) || place === ":" ? {} : rangeOf(op, place);
    const part = partOf(op, d, range.start, range.end, range.step);
    if (isOperand(place)) indexed.push({ ...given(op, place, axis, x), at: sliced.length });
    else if (isIndexed(place)) indexed.push({ ...fromList(op, place as IndexList, axis, x), at: sliced.length });
    parts.push(part);
    sliced.push(part.size);
  }
  return { parts, sliced, rows: indexed.length === 0 ? undefined : mergedAxes(places, sliced, indexed) };
}

function mergedAxes(
  places: readonly Place[],
  sliced: Shape,
  indexed: readonly (Indexed & { readonly at: number })[],
): Rows {
  // Beside indices, a single position counts as one of them: if they are not neighbors, their axes come first.
  const advanced = places.map((place) => typeof place === "number" || isIndexed(place));
  const [first, last] = [advanced.indexOf(true), advanced.lastIndexOf(true)];
  const together = advanced.slice(first, last).every(Boolean);
  const axis = together ? indexed[0]!.at : 0;
  const taken = indexed.map(({ at }) => at);
  const kept = sliced.map((_, i) => i).filter((i) => !taken.includes(i));
  const sizes = kept.map((i) => sliced[i]!);
  return {
    order: kept.toSpliced(axis, 0, ...taken),
    axis,
    merged: sizes.toSpliced(axis, 0, sizeOf(indexed.map(({ size }) => size))),
    index: merge(indexed),
  };
}

function rangeOf(op: string, place: unknown): { start?: Bound; end?: Bound; step?: Bound } {
  if (typeof place === "object" && place !== null && Object.keys(place).every((key) => /^(start|end|step)$/.test(key)))
    return place;
  throw new ArgumentError(
    `${op}: wanted an integer, a range { start, end, step }, ":", "...", null, a list or an integer tensor as a place, got ${describe(place)}`,
  );
}

/** A sliced tensor with the axes with indices merged into one. */
export const mergedRows = (x: Tensor, { order, merged }: Rows): Tensor =>
  sameShape(merged, x.shape) && order.every((axis, i) => axis === i) ? x : reshape(permute(x, order), merged);
