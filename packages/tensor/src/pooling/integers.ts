// Maxima of windows of integers, which floats would round: the spatial axes one after another, by primitives that every
// backend has for i32.
import { applyRead } from "../apply.ts";
import { sizeOf } from "../axes.ts";
import { and, equal, less, maximum, or, where } from "../elementwise.ts";
import { iota } from "../filled.ts";
import { broadcastTo, reshape } from "../movement.ts";
import type { PoolAttrs } from "../ops.ts";
import { span } from "../span.ts";
import type { Tensor } from "../tensor.ts";

/** Less than every element, or as small. */
const LEAST = -(2 ** 31);

/** x with a spatial axis padded. */
function padded(x: Tensor, axis: number, [low, high]: readonly [number, number]): Tensor {
  if (low === 0 && high === 0) return x;
  const none = x.shape.map(() => 0);
  const attrs = { before: none.with(axis, low), after: none.with(axis, high), interior: none, value: LEAST };
  return applyRead("pad", [x], attrs);
}

/** The elements of the windows along a spatial axis: the first ones, the second ones, … */
function elements(x: Tensor, i: number, { window, stride, dilation, padding }: PoolAttrs): Tensor[] {
  const line = padded(x, i + 2, padding[i]!);
  const reach = (window[i]! - 1) * dilation[i]! + 1;
  const count = Math.floor((line.shape[i + 2]! - reach) / stride[i]!) + 1;
  return Array.from({ length: window[i]! }, (_, k) => span(line, i + 2, k * dilation[i]!, count, stride[i]!));
}

const axesOf = ({ window }: PoolAttrs): readonly number[] => window.map((_, i) => i).toReversed();

export const integerMaxima = (x: Tensor, attrs: PoolAttrs): Tensor =>
  axesOf(attrs).reduce((y, i) => elements(y, i, attrs).reduce((a, b) => maximum(a, b)), x);

/** The same with the places of the first ones in a plane of x, row by row. */
export function integerMaximaWithPlaces(
  x: Tensor,
  attrs: PoolAttrs,
): { readonly values: Tensor; readonly indices: Tensor } {
  const plane = x.shape.slice(2);
  let values = x;
  let indices = broadcastTo(reshape(iota(x, [sizeOf(plane)]), [1, 1, ...plane]), x.shape);
  for (const i of axesOf(attrs)) {
    const places = elements(indices, i, attrs);
    elements(values, i, attrs).forEach((next, k) => {
      // Where padding is as large as an element, the element is the one that counts.
      const better = k === 0 ? undefined : or(less(values, next), and(equal(values, next), less(indices, 0)));
      values = better === undefined ? next : where(better, next, values);
      indices = better === undefined ? places[0]! : where(better, places[k]!, indices);
    });
  }
  return { values, indices };
}
