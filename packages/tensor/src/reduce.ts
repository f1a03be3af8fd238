// Reductions, scans and sorting along axes, as primitives. `axis` is one axis, several, or all of them if left out.
import { along, shapedLike } from "./along.ts";
import { applyRead, readTensor } from "./apply.ts";
import { axesOf, axisOf, sizeOf, type Axes } from "./axes.ts";
import type { Operand } from "./interpreter.ts";
import { inNumbers } from "./operands.ts";
import type { Shape } from "./ops.ts";
import { boolean, integer, numbers, orNull, readOptions, type OptionKinds } from "./options.ts";
import type { Tensor } from "./tensor.ts";

export interface ReduceOptions {
  /** The axes to reduce, by default all of them. Negative axes count from the end. */
  readonly axis?: Axes;
  /** Keep each reduced axis, with size 1. */
  readonly keepDims?: boolean;
}

export interface PositionOptions {
  /** The axis to search; if left out, the position counts in the flattened tensor. */
  readonly axis?: number | null;
  readonly keepDims?: boolean;
}

export const reduceOptions: OptionKinds<ReduceOptions> = { axis: orNull(numbers), keepDims: boolean };
export const positionOptions: OptionKinds<PositionOptions> = { axis: orNull(integer), keepDims: boolean };

function reduce(op: "sum" | "max" | "min", x: Operand, options: ReduceOptions | undefined): Tensor {
  const t = inNumbers(readTensor(x, op));
  const { axis, keepDims } = readOptions(op, options, reduceOptions, { keepDims: false });
  return applyRead(op, [t], { axes: axesOf(op, axis, t.shape), keepDims });
}

function position(op: "argmax" | "argmin", x: Operand, options: PositionOptions | undefined): Tensor {
  const t = inNumbers(readTensor(x, op));
  const { axis, keepDims } = readOptions(op, options, positionOptions, { keepDims: false });
  if (axis !== null && axis !== undefined && t.shape.length > 0)
    return applyRead(op, [t], { axis: axisOf(op, axis, t.shape), keepDims });
  axesOf(op, axis, t.shape);
  const flat = applyRead("reshape", [t], { shape: [sizeOf(t.shape)] });
  const y = applyRead(op, [flat], { axis: 0, keepDims: false });
  return keepDims ? applyRead("reshape", [y], { shape: ones(t.shape) }) : y;
}

const ones = (shape: Shape): Shape => shape.map(() => 1);

/**
 * The sum over axes; 0 over an empty axis. Of `bool` it counts.
 *
 * @example sum(tensor([[1, 2], [3, 4]]), { axis: 0 }) // [4, 6]
 */
export const sum = (x: Operand, options?: ReduceOptions): Tensor => reduce("sum", x, options);

/**
 * The largest element over axes; NaN if any element is. Tied elements share the gradient.
 *
 * @example max(tensor([[1, 5], [3, 4]]), { axis: 1 }) // [5, 4]
 */
export const max = (x: Operand, options?: ReduceOptions): Tensor => reduce("max", x, options);

/** The smallest element over axes, like `max`. @example min(tensor([[1, 5], [3, 4]])) // 1 */
export const min = (x: Operand, options?: ReduceOptions): Tensor => reduce("min", x, options);

/**
 * The position (`i32`) of the first largest element along an axis.
 *
 * @example argmax(tensor([[1, 5], [3, 2]]), { axis: 1 }) // [1, 0]
 */
export const argmax = (x: Operand, options?: PositionOptions): Tensor => position("argmax", x, options);

/** The position (`i32`) of the first smallest element along an axis. @example argmin(tensor([3, 1, 2])) // 1 */
export const argmin = (x: Operand, options?: PositionOptions): Tensor => position("argmin", x, options);

/**
 * The sums of all elements up to each one, along an axis; from the other end with `reverse`.
 *
 * @example cumsum(tensor([1, 2, 3])) // [1, 3, 6]
 */
export function cumsum(x: Operand, options?: { axis?: number; reverse?: boolean }): Tensor {
  const { axis, reverse } = readOptions(
    "cumsum",
    options,
    { axis: integer, reverse: boolean },
    { axis: -1, reverse: false },
  );
  const t = inNumbers(readTensor(x, "cumsum"));
  const [line, at] = along("cumsum", t, axis);
  return shapedLike(applyRead("cumsum", [line], { axis: at, reverse }), t);
}

export interface OrderOptions {
  /** The axis to sort along, by default the last one. */
  readonly axis?: number;
  /** From the largest to the smallest. */
  readonly descending?: boolean;
}
export const orderOptions: OptionKinds<OrderOptions> = { axis: integer, descending: boolean };

/**
 * The positions (`i32`) that would sort an axis. The sort is stable, and NaN counts as the largest.
 *
 * @example argsort(tensor([3, 1, 2])) // [1, 2, 0]
 */
export function argsort(x: Operand, options?: OrderOptions): Tensor {
  const { axis, descending } = readOptions("argsort", options, orderOptions, { axis: -1, descending: false });
  const t = inNumbers(readTensor(x, "argsort"));
  const [line, at] = along("argsort", t, axis);
  return shapedLike(applyRead("argsort", [line], { axis: at, descending }), t);
}
