// Movement functions: elements change their position, not their value. Most are views that cost nothing until they are
// read. A function that has nothing to change returns another handle on its operand.
import { alias, applyRead, readTensor } from "./apply.ts";
import { allAxes, axesOf, axisOf, listOf, sameShape, shapeOf, sizeOf, text, type Axes } from "./axes.ts";
import { promote } from "./dtype.ts";
import { ArgumentError, ShapeError, shown } from "./errors.ts";
import type { Operand } from "./interpreter.ts";
import { inDType, tensorsOf } from "./operands.ts";
import type { Shape } from "./ops.ts";
import { integer, list, numbers, orNull, readOptions } from "./options.ts";
import { partOf, partsOf, type Bound } from "./span.ts";
import type { Tensor } from "./tensor.ts";

/**
 * The same elements in row-major order with another shape; one size may be −1 and is inferred.
 *
 * @example reshape(tensor([1, 2, 3, 4]), [2, -1]) // [[1, 2], [3, 4]]
 */
export function reshape(x: Operand, shape: Shape): Tensor {
  const t = readTensor(x, "reshape");
  let wanted: Shape = Array.isArray(shape) ? shape : listOf("reshape", "shape", shape);
  let open = wanted.length - 1;
  while (open >= 0 && wanted[open] !== -1) open--;
  if (open >= 0) {
    const rest = wanted.reduce((n, d, i) => (i === open ? n : n * d), 1);
    const size = sizeOf(t.shape);
    if (wanted.indexOf(-1) < open || !(rest > 0) || size % rest !== 0)
      throw new ShapeError(
        `reshape: shapes ${text(t.shape)} and ${text(wanted)} do not fit: no single size can replace -1`,
      );
    wanted = wanted.with(open, size / rest);
  }
  return applyRead("reshape", [t], { shape: shapeOf("reshape", wanted) });
}

/**
 * Merges the axes from `start` to `end` into one. By default the first axis is kept, as between the layers of a
 * network.
 *
 * @example flatten(tensor([[[1, 2], [3, 4]]])) // [[1, 2, 3, 4]]
 */
export function flatten(x: Operand, options?: { start?: number; end?: number }): Tensor {
  const { start, end } = readOptions("flatten", options, { start: integer, end: integer }, { start: 1, end: -1 });
  const { shape } = readTensor(x, "flatten");
  if (shape.length === 0) return reshape(x, [1]);
  if (shape.length === 1) return reshape(x, shape);
  const [from, to] = [axisOf("flatten", start, shape), axisOf("flatten", end, shape)];
  if (from > to) throw new ShapeError(`flatten: start ${start} comes after end ${end} in shape ${text(shape)}`);
  return reshape(x, [...shape.slice(0, from), sizeOf(shape.slice(from, to + 1)), ...shape.slice(to + 1)]);
}

/** The axes in another order. @example permute(tensor([[1, 2], [3, 4]]), [1, 0]) // [[1, 3], [2, 4]] */
export function permute(x: Operand, axes: readonly number[]): Tensor {
  const t = readTensor(x, "permute");
  return permuted(
    t,
    listOf("permute", "axes", axes).map((axis) => axisOf("permute", axis, t.shape)),
  );
}

function permuted(t: Tensor, axes: readonly number[]): Tensor {
  if (axes.length === t.shape.length && axes.every((axis, i) => axis === i)) return alias(t);
  return applyRead("permute", [t], { axes });
}

/** Two axes swapped, by default the last two. @example transpose(tensor([[1, 2, 3]])) // [[1], [2], [3]] */
export function transpose(x: Operand, axisA = -2, axisB = -1): Tensor {
  const t = readTensor(x, "transpose");
  const { shape } = t;
  if (shape.length < 2 && axisA === -2 && axisB === -1) return alias(t);
  const own = shape.length === 0 ? [1] : shape; // a scalar counts as a vector
  const [a, b] = [axisOf("transpose", axisA, own), axisOf("transpose", axisB, own)];
  if (a === b) return alias(t);
  const axes = allAxes(shape);
  axes[a] = b;
  axes[b] = a;
  return permuted(t, axes);
}

type AxisChoice = Axes | { readonly axis?: Axes };
const chosen = (op: string, choice: AxisChoice): Axes =>
  typeof choice === "object" && choice !== null && !list.is(choice)
    ? readOptions(op, choice as { readonly axis?: Axes }, { axis: orNull(numbers) }, {}).axis
    : (choice as Axes);

/** Several axes are passed as one list. */
function refuseAxis(op: string, more: unknown): void {
  if (more !== undefined)
    throw new ArgumentError(`${op}: wanted one axis or a list of them, such as [0, 1], got also ${shown(more)}`);
}

/**
 * Removes the named axes, which must have size 1; by default all such axes.
 *
 * @example squeeze(tensor([[1], [2]])) // [1, 2]
 */
export function squeeze(x: Operand, axis?: AxisChoice): Tensor;
export function squeeze(x: Operand, axis?: AxisChoice, more?: unknown): Tensor {
  refuseAxis("squeeze", more);
  const { shape } = readTensor(x, "squeeze");
  const named = chosen("squeeze", axis);
  const axes = axesOf("squeeze", named, shape);
  const every = named === null || named === undefined;
  for (const i of every ? [] : axes)
    if (shape[i] !== 1)
      throw new ShapeError(
        `squeeze: axis ${i} of shape ${text(shape)} has size ${shape[i]}; only an axis of size 1 can be removed`,
      );
  return reshape(
    x,
    shape.filter((d, i) => d !== 1 || !axes.includes(i)),
  );
}

/** With new axes of size 1 at the places named in the result. @example unsqueeze(tensor([1, 2]), 1) // [[1], [2]] */
export function unsqueeze(x: Operand, axis?: AxisChoice): Tensor;
export function unsqueeze(x: Operand, axis: AxisChoice = 0, more?: unknown): Tensor {
  refuseAxis("unsqueeze", more);
  const { shape } = readTensor(x, "unsqueeze");
  const named = chosen("unsqueeze", axis) ?? 0;
  const added = typeof named === "number" ? [named] : listOf("unsqueeze", "axis", named);
  const places = new Set(added.map((i) => axisOf("unsqueeze", i, shape, added.length)));
  if (places.size < added.length) throw new ShapeError(`unsqueeze: an axis is named twice in ${text(added)}`);
  const rest = shape.values();
  return reshape(
    x,
    Array.from({ length: shape.length + added.length }, (_, i) => (places.has(i) ? 1 : rest.next().value!)),
  );
}

/**
 * Repeats axes of size 1 and adds leading axes, without a copy.
 *
 * @example broadcastTo(tensor([1, 2]), [2, 2]) // [[1, 2], [1, 2]]
 */
export function broadcastTo(x: Operand, shape: Shape): Tensor {
  const t = readTensor(x, "broadcastTo");
  const wanted = shapeOf("broadcastTo", shape);
  return sameShape(t.shape, wanted) ? alias(t) : applyRead("broadcastTo", [t], { shape: wanted });
}

/** Tensors joined along an axis; dtypes are promoted. @example concat([tensor([1]), tensor([2, 3])]) // [1, 2, 3] */
export function concat(xs: readonly Operand[], options?: { axis?: number }): Tensor {
  const { axis } = readOptions("concat", options, { axis: integer }, { axis: 0 });
  const tensors = tensorsOf("concat", xs);
  const [first] = tensors;
  const attrs = { axis: axisOf("concat", axis, first.shape) };
  if (tensors.every((t) => t.dtype === first.dtype)) return applyRead("concat", tensors, attrs);
  const dtype = tensors.map((t) => t.dtype).reduce(promote);
  return applyRead(
    "concat",
    tensors.map((t) => inDType(t, dtype)),
    attrs,
  );
}

type Bounds = readonly Bound[];

export interface SliceOptions {
  /** Where each axis begins; negative numbers count from its end. */
  readonly starts?: Bounds;
  /** Where each axis ends (exclusive). */
  readonly ends?: Bounds;
  /** The distance between elements; negative steps go backward. */
  readonly steps?: Bounds;
}

const sliceOptions = { starts: list, ends: list, steps: list };
const wholeAxes: Required<SliceOptions> = { starts: [], ends: [], steps: [] };

/**
 * A part of each axis, as in Python's `x[start:end:step]`: bounds out of range are clipped. Axes without an entry stay
 * whole.
 *
 * @example slice(tensor([1, 2, 3, 4]), { starts: [1], ends: [-1] }) // [2, 3]
 */
export function slice(x: Operand, options: SliceOptions): Tensor {
  const { starts, ends, steps } = readOptions("slice", options, sliceOptions, wholeAxes);
  const t = readTensor(x, "slice");
  const { shape } = t;
  for (const bounds of [starts, ends, steps])
    if (bounds.length > shape.length)
      throw new ShapeError(`slice: ${text(bounds)} has more entries than shape ${text(shape)} has axes`);
  const parts = shape.map((d, i) => partOf("slice", d, starts[i], ends[i], steps[i]));
  const y = partsOf(t, parts);
  return y === t ? alias(t) : y;
}

/** The elements in reverse order along axes. @example flip(tensor([1, 2, 3])) // [3, 2, 1] */
export function flip(x: Operand, options?: { axis?: Axes }): Tensor {
  const { axis } = readOptions<{ axis?: Axes }, object>("flip", options, { axis: orNull(numbers) }, {});
  const t = readTensor(x, "flip");
  return applyRead("flip", [t], { axes: axesOf("flip", axis, t.shape) });
}
