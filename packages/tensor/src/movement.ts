// Movement as functions: elements change their place, not their value. Most are views that cost nothing until they are
// read. What would change nothing returns its operand.
import { apply, readTensor } from "./apply.ts";
import { axesOf, axisOf, sameShape, sizeOf, text, type Axes } from "./axes.ts";
import { promote } from "./dtype.ts";
import { cast } from "./elementwise.ts";
import { ArgumentError, ShapeError } from "./errors.ts";
import type { Operand } from "./interpreter.ts";
import type { Shape } from "./ops.ts";
import type { Tensor } from "./tensor.ts";

/**
 * The same elements in row-major order under another shape; one size may be −1 and is worked out.
 *
 * @example reshape(tensor([1, 2, 3, 4]), [2, -1]) // [[1, 2], [3, 4]]
 */
export function reshape(x: Operand, shape: Shape): Tensor {
  const t = readTensor(x, "reshape");
  const open = shape.indexOf(-1);
  let wanted = shape;
  if (open >= 0) {
    const rest = shape.reduce((n, d, i) => (i === open ? n : n * d), 1);
    const size = sizeOf(t.shape);
    if (shape.includes(-1, open + 1) || !(rest > 0) || size % rest !== 0)
      throw new ShapeError(
        `reshape: shapes ${text(t.shape)} and ${text(shape)} do not fit: no size in place of -1 does`,
      );
    wanted = shape.with(open, size / rest);
  }
  return sameShape(t.shape, wanted) ? t : apply("reshape", [t], { shape: wanted });
}

/**
 * Joins the axes from `start` to `end` into one. The first axis stays by default, as between the layers of a network.
 *
 * @example flatten(tensor([[[1, 2], [3, 4]]])) // [[1, 2, 3, 4]]
 */
export function flatten(x: Operand, { start = 1, end = -1 }: { start?: number; end?: number } = {}): Tensor {
  const { shape } = readTensor(x, "flatten");
  if (shape.length === 0) return reshape(x, [1]);
  if (shape.length === 1) return reshape(x, shape);
  const [from, to] = [axisOf("flatten", start, shape), axisOf("flatten", end, shape)];
  if (from >= to) return reshape(x, shape);
  return reshape(x, [...shape.slice(0, from), sizeOf(shape.slice(from, to + 1)), ...shape.slice(to + 1)]);
}

/** The axes in another order. @example permute(tensor([[1, 2], [3, 4]]), [1, 0]) // [[1, 3], [2, 4]] */
export function permute(x: Operand, axes: readonly number[]): Tensor {
  const t = readTensor(x, "permute");
  const order = axes.map((axis) => axisOf("permute", axis, t.shape));
  if (order.length === t.shape.length && order.every((axis, i) => axis === i)) return t;
  return apply("permute", [t], { axes: order });
}

/** Two axes swapped, by default the last two. @example transpose(tensor([[1, 2, 3]])) // [[1], [2], [3]] */
export function transpose(x: Operand, axisA = -2, axisB = -1): Tensor {
  const t = readTensor(x, "transpose");
  const { shape } = t;
  if (shape.length < 2 && axisA === -2 && axisB === -1) return t;
  const [a, b] = [axisOf("transpose", axisA, shape), axisOf("transpose", axisB, shape)];
  return permute(
    t,
    shape.map((_, i) => (i === a ? b : i === b ? a : i)),
  );
}

type AxisChoice = Axes | { readonly axis?: Axes };
const chosen = (choice: AxisChoice): Axes =>
  typeof choice === "object" && choice !== null && "axis" in choice ? choice.axis : (choice as Axes);

/** Without the axes named, which must have size 1; by default without all such axes. @example squeeze(tensor([[1], [2]])) // [1, 2] */
export function squeeze(x: Operand, axis?: AxisChoice): Tensor {
  const { shape } = readTensor(x, "squeeze");
  const named = chosen(axis);
  const axes = axesOf("squeeze", named, shape);
  const every = named === null || named === undefined;
  for (const i of every ? [] : axes)
    if (shape[i] !== 1)
      throw new ShapeError(`squeeze: axis ${i} of shape ${text(shape)} has size ${shape[i]}; only size 1 vanishes`);
  return reshape(
    x,
    shape.filter((d, i) => d !== 1 || !axes.includes(i)),
  );
}

/** With new axes of size 1 at the places named in the result. @example unsqueeze(tensor([1, 2]), 1) // [[1], [2]] */
export function unsqueeze(x: Operand, axis: AxisChoice = 0): Tensor {
  const { shape } = readTensor(x, "unsqueeze");
  const named = chosen(axis) ?? 0;
  const list = typeof named === "number" ? [named] : named;
  const places = new Set(list.map((i) => axisOf("unsqueeze", i, shape, list.length)));
  if (places.size < list.length) throw new ShapeError(`unsqueeze: an axis is named twice in ${text(list)}`);
  const rest = shape.values();
  return reshape(
    x,
    Array.from({ length: shape.length + list.length }, (_, i) => (places.has(i) ? 1 : rest.next().value!)),
  );
}

/** Repeats axes of size 1, and puts axes in front, without a copy. @example broadcastTo(tensor([1, 2]), [2, 2]) // [[1, 2], [1, 2]] */
export function broadcastTo(x: Operand, shape: Shape): Tensor {
  const t = readTensor(x, "broadcastTo");
  return sameShape(t.shape, shape) ? t : apply("broadcastTo", [t], { shape });
}

/** One after the other along an axis; dtypes are promoted. @example concat([tensor([1]), tensor([2, 3])]) // [1, 2, 3] */
export function concat(xs: readonly Operand[], { axis = 0 }: { axis?: number } = {}): Tensor {
  if (xs.length === 0) throw new ArgumentError("concat: wanted at least one tensor, got none");
  const tensors = xs.map((x) => readTensor(x, "concat"));
  const [first] = tensors as [Tensor];
  const attrs = { axis: axisOf("concat", axis, first.shape) };
  if (tensors.every((t) => t.dtype === first.dtype)) return apply("concat", tensors, attrs);
  const dtype = tensors.map((t) => t.dtype).reduce(promote);
  return apply(
    "concat",
    tensors.map((t) => cast(t, dtype)),
    attrs,
  );
}

type Bounds = readonly (number | null | undefined)[];

export interface SliceOptions {
  /** Where each axis begins; negative numbers count from its end. */
  readonly starts?: Bounds;
  /** Where each axis ends (exclusive). */
  readonly ends?: Bounds;
  /** Every how many elements; negative steps go backwards. */
  readonly steps?: Bounds;
}

/**
 * A part of each axis, with the meaning of Python's `x[start:end:step]`: what lies beyond an axis is left out. Axes
 * without an entry stay whole.
 *
 * @example slice(tensor([1, 2, 3, 4]), { starts: [1], ends: [-1] }) // [2, 3]
 */
export function slice(x: Operand, { starts = [], ends = [], steps = [] }: SliceOptions): Tensor {
  const t = readTensor(x, "slice");
  const { shape } = t;
  for (const list of [starts, ends, steps])
    if (list.length > shape.length)
      throw new ShapeError(`slice: ${text(list)} has more entries than shape ${text(shape)} has axes`);
  const attrs = { starts: [] as number[], sizes: [] as number[], steps: [] as number[] };
  const backwards: number[] = [];
  let whole = true;
  for (const [i, d] of shape.entries()) {
    const step = steps[i] ?? 1;
    if (!Number.isInteger(step) || step === 0)
      throw new ArgumentError(`slice: a step is an integer other than 0, got ${step}`);
    // Python's bounds: a backward slice runs from d-1 down to -1, a forward one from 0 to d.
    const [low, high] = step > 0 ? [0, d] : [-1, d - 1];
    const place = (at: number | null | undefined, otherwise: number): number => {
      if (at === null || at === undefined) return otherwise;
      if (Number.isNaN(at) || Math.trunc(at) !== at)
        throw new ArgumentError(`slice: starts and ends are integers, got ${at}`);
      return Math.min(Math.max(at < 0 ? at + d : at, low), high);
    };
    const start = place(starts[i], step > 0 ? low : high);
    const end = place(ends[i], step > 0 ? high : low);
    const size = Math.max(0, Math.ceil((end - start) / step));
    attrs.starts.push(size === 0 ? 0 : step > 0 ? start : start + (size - 1) * step);
    attrs.sizes.push(size);
    attrs.steps.push(Math.abs(step));
    if (step < 0) backwards.push(i);
    whole &&= size === d;
  }
  const part = whole ? t : apply("slice", [t], attrs);
  return backwards.length > 0 ? apply("flip", [part], { axes: backwards }) : part;
}

/** The elements in backward order along axes. @example flip(tensor([1, 2, 3])) // [3, 2, 1] */
export function flip(x: Operand, { axis }: { axis?: Axes } = {}): Tensor {
  const t = readTensor(x, "flip");
  return apply("flip", [t], { axes: axesOf("flip", axis, t.shape) });
}

/**
 * More elements around: `pads` has [before, after] an axis, `value` fills.
 *
 * @example pad(tensor([1, 2]), { pads: [[1, 2]] }) // [0, 1, 2, 0, 0]
 */
export function pad(
  x: Operand,
  { pads, value = 0 }: { pads: readonly (readonly [number, number])[]; value?: number },
): Tensor {
  const t = readTensor(x, "pad");
  if (pads.every(([low, high]) => low === 0 && high === 0) && pads.length === t.shape.length) return t;
  const attrs = { before: pads.map((p) => p[0]), after: pads.map((p) => p[1]), interior: pads.map(() => 0), value };
  return apply("pad", [t], attrs);
}
