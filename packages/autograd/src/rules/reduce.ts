// Derivatives of reductions and scans: a sum spreads its gradient, an extreme gives it to the elements that reached it.
import {
  broadcastTo,
  cumsum,
  div,
  equal,
  maximum,
  reshape,
  sum,
  where,
  type ReduceAttrs,
  type Shape,
  type Tensor,
} from "@weft/tensor";
import { none, type Family } from "../rule.ts";

const keptShape = (shape: Shape, axes: readonly number[]): Shape => shape.map((d, i) => (axes.includes(i) ? 1 : d));

/** A reduced tensor with its axes back, as size 1. */
const widened = (g: Tensor, x: Tensor, { axes, keepDims }: ReduceAttrs): Tensor =>
  keepDims ? g : reshape(g, keptShape(x.shape, axes));

/** Elements that reached the extreme share its gradient evenly. */
function shared(g: Tensor, y: Tensor, x: Tensor, attrs: ReduceAttrs): Tensor {
  const reached = equal(x, widened(y, x, attrs));
  // Nothing equals an extreme that is NaN: no element has a gradient then, and 1 keeps the division finite.
  const count = maximum(sum(reached, { axis: attrs.axes, keepDims: true }), 1);
  return where(reached, div(widened(g, x, attrs), count), 0);
}

export const reductions: Family<"sum" | "max" | "min" | "argmax" | "argmin" | "cumsum" | "argsort"> = {
  sum: (_, x, attrs) => [(g) => broadcastTo(widened(g, x, attrs), x.shape)],
  max: (y, x, attrs) => [(g) => shared(g, y, x, attrs)],
  min: (y, x, attrs) => [(g) => shared(g, y, x, attrs)],
  argmax: none,
  argmin: none,
  cumsum: (_, __, { axis, reverse }) => [(g) => cumsum(g, { axis, reverse: !reverse })],
  argsort: none,
};
