// Order statistics: elements of a row by their place in its order, where NaN comes last, and their positions in the
// row. The gradient goes to the elements that were chosen.
import { notEqual } from "../activations.ts";
import { fullRowsOf, type Rows } from "../along.ts";
import { readTensor } from "../apply.ts";
import type { Ordered } from "../arrangement.ts";
import { axesOf, type Axes } from "../axes.ts";
import { inNameOf } from "../context.ts";
import { isFloat } from "../dtype.ts";
import { cast, div, isNaN, less, maximum, sub, where } from "../elementwise.ts";
import { ShapeError, shown } from "../errors.ts";
import { composed } from "../formula.ts";
import { gather } from "../indexing.ts";
import type { Operand } from "../interpreter.ts";
import { broadcastTo, reshape } from "../movement.ts";
import { inNumbers } from "../operands.ts";
import { boolean, integer, readOptions, type OptionKinds } from "../options.ts";
import { argmax, argmin, argsort, max, min, positionOptions, reduceOptions, sum } from "../reduce.ts";
import type { PositionOptions, ReduceOptions } from "../reduce.ts";
import { pad } from "../shape/padding.ts";
import { neighbors, span } from "../span.ts";
import type { Tensor } from "../tensor.ts";
import { places, scan } from "./scans.ts";

const lastKept = { axis: -1, keepDims: true };
const defaults = { keepDims: false };

/** The rows of x along axes, in the name of the function that reduces them. */
function reduced<T>(op: string, x: Operand, axis: Axes, keepDims: boolean, f: (found: Rows) => T): T {
  const t = inNumbers(readTensor(x, op));
  return composed(op, () => f(fullRowsOf(op, t, axesOf(op, axis, t.shape), keepDims)));
}

/** The elements at one position per row, [..., 1]. */
const chosen = ({ rows, shape }: Rows, position: Tensor): Ordered => ({
  values: reshape(gather(rows, position, { axis: -1 }), shape),
  indices: reshape(position, shape),
});

/** How many elements of each row are numbers, `i32`: NaN comes after them in the order. */
export const countOfNumbers = ({ rows, length }: Rows): Tensor =>
  isFloat(rows.dtype)
    ? sub(length, sum(isNaN(rows), lastKept))
    : broadcastTo(cast(length, "i32"), [...rows.shape.slice(0, -1), 1]);

/** What is at each place of the order. The places of all rows broadcast. */
export const atPlaces = (order: Tensor, place: Tensor): Tensor =>
  gather(order, broadcastTo(place, [...order.shape.slice(0, -1), place.shape.at(-1)!]), { axis: -1 });

/** The column at a place of the order. */
const column = (order: Tensor, place: number): Tensor => span(order, order.shape.length - 1, place, 1);

/** The lower of the two middle elements, or NaN if there is one and it is not skipped. */
function middle(found: Rows, skipNaN: boolean): Ordered {
  const order = argsort(found.rows);
  const half = Math.floor((found.length - 1) / 2);
  if (!isFloat(found.rows.dtype)) return chosen(found, column(order, half));
  const numbers = countOfNumbers(found);
  const place = skipNaN
    ? cast(div(maximum(sub(numbers, 1), 0), 2), "i32")
    : where(less(numbers, found.length), numbers, half);
  return chosen(found, atPlaces(order, place));
}

/**
 * The median over axes: of an even number of elements the lower of the two in the middle, as in PyTorch (the mean of
 * both is `quantile(x, 0.5)`). NaN if any element is.
 *
 * @example median(tensor([[3, 1, 2], [4, 9, 6]]), { axis: 1 }) // [2, 6]
 */
export function median(x: Operand, options?: ReduceOptions): Tensor {
  const { axis, keepDims } = readOptions("median", options, reduceOptions, defaults);
  return reduced("median", x, axis, keepDims, (found) => middle(found, false).values);
}

/**
 * The median over axes of the elements that are not NaN; NaN if all are.
 *
 * @example nanMedian(tensor([3, NaN, 1, 2])) // 2
 */
export function nanMedian(x: Operand, options?: ReduceOptions): Tensor {
  const { axis, keepDims } = readOptions("nanMedian", options, reduceOptions, defaults);
  return reduced("nanMedian", x, axis, keepDims, (found) => middle(found, true).values);
}

function withIndices(
  op: string,
  x: Operand,
  options: PositionOptions | undefined,
  choose: (found: Rows) => Ordered,
): Ordered {
  const { axis, keepDims } = readOptions(op, options, positionOptions, defaults);
  return reduced(op, x, axis, keepDims, choose);
}

/**
 * The median along an axis and its position (`i32`). Without an axis the position counts in the flattened tensor.
 *
 * @example medianWithIndices(tensor([3, 1, 2])).indices // 2
 */
export const medianWithIndices = (x: Operand, options?: PositionOptions): Ordered =>
  withIndices("medianWithIndices", x, options, (found) => middle(found, false));

/**
 * The largest element along an axis and its position (`i32`): the first of equal elements, or the first NaN. Unlike
 * that of `max`, the gradient goes to this element alone. Without an axis the position counts in the flattened tensor.
 *
 * @example maxWithIndices(tensor([[1, 5], [3, 2]]), { axis: 1 }).indices // [1, 0]
 */
export const maxWithIndices = (x: Operand, options?: PositionOptions): Ordered =>
  withIndices("maxWithIndices", x, options, (found) => chosen(found, argmax(found.rows, lastKept)));

/**
 * The smallest element along an axis and its position, like `maxWithIndices`.
 *
 * @example minWithIndices(tensor([[1, 5], [3, 2]]), { axis: 1 }).values // [1, 2]
 */
export const minWithIndices = (x: Operand, options?: PositionOptions): Ordered =>
  withIndices("minWithIndices", x, options, (found) => chosen(found, argmin(found.rows, lastKept)));

/**
 * The smallest and the largest element over axes, as `min` and `max` give them.
 *
 * @example aminmax(tensor([3, 1, 2])).max // 3
 */
export function aminmax(x: Operand, options?: ReduceOptions): { readonly min: Tensor; readonly max: Tensor } {
  const how = readOptions("aminmax", options, reduceOptions, defaults);
  const t = readTensor(x, "aminmax");
  return inNameOf("aminmax", () => ({ min: min(t, how), max: max(t, how) }));
}

export interface PlaceOptions {
  /** The axis to search along, by default the last one. */
  readonly axis?: number;
  readonly keepDims?: boolean;
}
const placeOptions: OptionKinds<PlaceOptions> = { axis: integer, keepDims: boolean };
const lastAxis = { axis: -1, ...defaults };

/**
 * The k-th smallest element along an axis, counted from 1, and its position (`i32`). NaN counts as the largest.
 *
 * @example kthValue(tensor([30, 10, 20]), 2).values // 20
 */
export function kthValue(x: Operand, k: number, options?: PlaceOptions): Ordered {
  const { axis, keepDims } = readOptions("kthValue", options, placeOptions, lastAxis);
  return reduced("kthValue", x, axis, keepDims, (found) => {
    if (!(Number.isInteger(k) && k >= 1 && k <= found.length))
      throw new ShapeError(
        `kthValue: k ${shown(k)} must be an integer from 1 to ${found.length}, the size of the axis`,
      );
    return chosen(found, column(argsort(found.rows), k - 1));
  });
}

/**
 * The most frequent element along an axis, the smallest of those that are equally frequent, and its last position
 * (`i32`). NaN differs from all elements, and counts as the largest.
 *
 * @example mode(tensor([3, 1, 3, 2])).values // 3
 */
export function mode(x: Operand, options?: PlaceOptions): Ordered {
  const { axis, keepDims } = readOptions("mode", options, placeOptions, lastAxis);
  return reduced("mode", x, axis, keepDims, (found) => {
    const order = argsort(found.rows);
    const sorted = gather(found.rows, order, { axis: -1 });
    const last = sorted.shape.length - 1;
    const differs = notEqual(...neighbors(sorted, last));
    const starts = pad(differs, { pads: sorted.shape.map((_, i) => [i === last ? 1 : 0, 0] as const), value: 1 });
    const place = places(sorted, last);
    const run = sub(place, scan(where(starts, place, 0), last, maximum));
    return chosen(found, atPlaces(order, argmax(run, lastKept)));
  });
}
