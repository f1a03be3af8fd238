// Movement composed of primitives: stacking, splitting, repeating, rolling, triangles and sorting.
import { along, shapedLike } from "./along.ts";
import { inNameOf } from "./context.ts";
import { alias, readTensor } from "./apply.ts";
import { axesOf, axisOf, listOf, sizeOf, text, type Axes, sameShape, shapeOf } from "./axes.ts";
import { lessEqual, sub, where } from "./elementwise.ts";
import { ArgumentError, ShapeError, shown } from "./errors.ts";
import { iota } from "./filled.ts";
import { gather } from "./indexing.ts";
import type { Operand } from "./interpreter.ts";
import { broadcastTo, concat, reshape, slice, unsqueeze } from "./movement.ts";
import { inDType, tensorsOf } from "./operands.ts";
import { boolean, integer, list, numbers, orNull, readOptions } from "./options.ts";
import { argsort, orderOptions, type OrderOptions } from "./reduce.ts";
import { cut, type Pieces } from "./span.ts";
import type { Tensor } from "./tensor.ts";

/** Tensors of one shape along a new axis. @example stack([tensor([1, 2]), tensor([3, 4])]) // [[1, 2], [3, 4]] */
export function stack(xs: readonly Operand[], options?: { axis?: number }): Tensor {
  const { axis } = readOptions("stack", options, { axis: integer }, { axis: 0 });
  const tensors = tensorsOf("stack", xs);
  const { shape } = tensors[0];
  for (const t of tensors)
    if (!sameShape(t.shape, shape))
      throw new ShapeError(`stack: shapes ${text(shape)} and ${text(t.shape)} do not fit: they must be equal`);
  const at = axisOf("stack", axis, shape, 1);
  return inNameOf("stack", () =>
    concat(
      tensors.map((t) => unsqueeze(t, at)),
      { axis: at },
    ),
  );
}

/**
 * Cuts x along an axis into a number of equal parts, or into parts of the given sizes. Where the program says how many
 * there are, the type does, too: a tuple.
 *
 * @example split(tensor([1, 2, 3, 4]), 2) // [[1, 2], [3, 4]]
 */
export function split<const Parts extends number | readonly number[]>(
  x: Operand,
  parts: Parts,
  options?: { axis?: number },
): Pieces<Parts>;
export function split(x: Operand, parts: number | readonly number[], options?: { axis?: number }): Tensor[] {
  const { axis } = readOptions("split", options, { axis: integer }, { axis: 0 });
  const t = readTensor(x, "split");
  const at = axisOf("split", axis, t.shape);
  const size = t.shape[at]!;
  if (typeof parts === "number" && !(parts >= 1 && parts <= Math.max(size, 1)))
    throw new ShapeError(`split: axis ${at} of shape ${text(t.shape)} cannot be cut into ${parts} equal parts`);
  const sizes =
    typeof parts === "number" ? Array.from({ length: parts }, () => size / parts) : listOf("split", "parts", parts);
  if (!sizes.every((n) => Number.isInteger(n) && n >= 0) || sizes.reduce((a, b) => a + b, 0) !== size)
    throw new ShapeError(
      `split: axis ${at} of shape ${text(t.shape)} cannot be cut into ${typeof parts === "number" ? `${parts} equal parts` : `parts of ${text(sizes)}`}`,
    );
  return inNameOf("split", () => cut(t, sizes, at));
}

/**
 * x repeated along each axis; `repeats` counts from the last axis, and may have more entries than x has axes.
 *
 * @example tile(tensor([1, 2]), { repeats: [2] }) // [1, 2, 1, 2]
 */
export function tile(x: Operand, options: { repeats: readonly number[] }): Tensor {
  const given = readOptions<typeof options, object>("tile", options, { repeats: list }, {});
  const repeats = listOf("tile", "repeats", given.repeats);
  const t = readTensor(x, "tile");
  const rank = Math.max(t.shape.length, repeats.length);
  const shape = [...Array.from({ length: rank - t.shape.length }, () => 1), ...t.shape];
  const times = [...Array.from({ length: rank - repeats.length }, () => 1), ...repeats];
  if (!times.every((n) => Number.isInteger(n) && n >= 0))
    throw new ArgumentError(`tile: repeats must be non-negative integers, got ${text(repeats)}`);
  return inNameOf("tile", () => {
    const result = shapeOf(
      "tile",
      shape.map((d, i) => d * times[i]!),
    );
    const pairs = shape.flatMap((d) => [1, d]);
    const repeated = shape.flatMap((d, i) => [times[i]!, d]);
    return reshape(broadcastTo(reshape(t, pairs), repeated), result);
  });
}

interface RollOptions {
  readonly shift: number | readonly number[];
  readonly axis?: Axes;
}
const rollOptions = { shift: numbers, axis: orNull(numbers) };

/**
 * The elements shifted along axes by `shift`; those that leave at one end enter at the other. Without an axis the
 * flattened tensor is rolled, as in NumPy.
 *
 * @example roll(tensor([1, 2, 3]), { shift: 1 }) // [3, 1, 2]
 */
export function roll(x: Operand, options: RollOptions): Tensor {
  const { shift, axis } = readOptions<RollOptions, object>("roll", options, rollOptions, {});
  const shifts = typeof shift === "number" ? undefined : listOf("roll", "shift", shift);
  const t = readTensor(x, "roll");
  if (axis === null || axis === undefined) {
    const flat = reshape(t, [sizeOf(t.shape)]);
    return reshape(
      rolled(flat, shifts === undefined ? (shift as number) : shifts.reduce((a, b) => a + b, 0), 0),
      t.shape,
    );
  }
  const axes = typeof axis === "number" ? [axis] : listOf("roll", "axis", axis);
  const along = shifts ?? axes.map(() => shift as number);
  if (along.length !== axes.length)
    throw new ArgumentError(`roll: wanted one shift per axis, got shift ${text(along)} for axis ${text(axes)}`);
  axesOf("roll", axes, t.shape);
  const y = axes.reduce<Tensor>((part, at, i) => rolled(part, along[i]!, axisOf("roll", at, t.shape)), t);
  return y === t ? alias(t) : y;
}

function rolled(x: Tensor, shift: number, axis: number): Tensor {
  const size = x.shape[axis]!;
  if (!Number.isInteger(shift)) throw new ArgumentError(`roll: a shift is an integer, got ${shown(shift)}`);
  const cut = size === 0 ? 0 : ((-shift % size) + size) % size;
  if (cut === 0) return x;
  const [head, tail] = split(x, [cut, size - cut], { axis });
  return concat([tail, head], { axis });
}

/** Whether column − row ≤ k, over the last two axes. */
function lower(op: string, x: Tensor, k: number): Tensor {
  if (x.shape.length < 2) throw new ShapeError(`${op}: wanted a matrix or a batch of them, got shape ${text(x.shape)}`);
  if (!Number.isInteger(k))
    throw new ArgumentError(`${op}: k is the number of a diagonal, an integer, got ${shown(k)}`);
  const [rows, columns] = x.shape.slice(-2) as [number, number];
  return lessEqual(sub(iota(x, [columns]), iota(x, [rows, 1])), k);
}

/**
 * The lower triangle of matrices, up to diagonal k; 0 above it.
 *
 * @example tril(tensor([[1, 2], [3, 4]])) // [[1, 0], [3, 4]]
 */
export function tril(x: Operand, options?: { k?: number }): Tensor {
  const { k } = readOptions("tril", options, { k: integer }, { k: 0 });
  const t = readTensor(x, "tril");
  return inNameOf("tril", () => inDType(where(lower("tril", t, k), t, 0), t.dtype));
}

/**
 * The upper triangle of matrices, from diagonal k; 0 below it.
 *
 * @example triu(tensor([[1, 2], [3, 4]])) // [[1, 2], [0, 4]]
 */
export function triu(x: Operand, options?: { k?: number }): Tensor {
  const { k } = readOptions("triu", options, { k: integer }, { k: 0 });
  const t = readTensor(x, "triu");
  return inNameOf("triu", () => inDType(where(lower("triu", t, k - 1), 0, t), t.dtype));
}

/** Values in order, and their positions in the input (`i32`). */
export interface Ordered {
  readonly values: Tensor;
  readonly indices: Tensor;
}

/**
 * The elements sorted along an axis, by default the last. The sort is stable, and NaN counts as the
 * largest: it comes last, or first with `descending`, as in PyTorch.
 *
 * @example sort(tensor([3, 1, 2])).values // [1, 2, 3]
 */
export function sort(x: Operand, options?: OrderOptions): Ordered {
  const { axis, descending } = readOptions("sort", options, orderOptions, { axis: -1, descending: false });
  const t = readTensor(x, "sort");
  const [line, at] = along("sort", t, axis);
  const indices = argsort(line, { axis: at, descending });
  return { values: shapedLike(gather(line, indices, { axis: at }), t), indices: shapedLike(indices, t) };
}

export interface TopKOptions {
  readonly axis?: number;
  /** False for the smallest elements, smallest first. */
  readonly largest?: boolean;
}

/**
 * The k largest elements along an axis, largest first; with `{ largest: false }` the k smallest, smallest first. NaN
 * counts as the largest, as in PyTorch.
 *
 * @example topK(tensor([3, 1, 2]), 2).values // [3, 2]
 */
export function topK(x: Operand, k: number, options?: TopKOptions): Ordered {
  const { axis, largest } = readOptions(
    "topK",
    options,
    { axis: integer, largest: boolean },
    { axis: -1, largest: true },
  );
  const t = readTensor(x, "topK");
  const [line, at] = along("topK", t, axis);
  const size = line.shape[at]!;
  if (!(Number.isInteger(k) && k >= 0 && k <= size))
    throw new ShapeError(`topK: k ${shown(k)} must be an integer from 0 to ${size}, the size of axis ${at}`);
  const ends = line.shape.map((d, i) => (i === at ? k : d));
  const indices = slice(argsort(line, { axis: at, descending: largest }), { ends });
  const values = gather(line, indices, { axis: at });
  return k === 1 ? { values: shapedLike(values, t), indices: shapedLike(indices, t) } : { values, indices };
}
