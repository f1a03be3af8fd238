// Derivatives of reductions and scans: a sum broadcasts its gradient; max and min give it to the elements that are the
// extreme.
import { broadcastTo, cumsum, div, equal, maximum, reshape, sum, where, type Tensor } from "@weft/tensor";
import type { ReduceAttrs } from "@weft/tensor/internals";
import { none, type Family } from "../rule.ts";

/** A reduced tensor in a shape that broadcasts against x. Leading axes need no insertion. */
function widened(g: Tensor, { shape }: Tensor, { axes, keepDims }: ReduceAttrs): Tensor {
  if (keepDims || axes.every((axis, i) => axis === i)) return g;
  return reshape(
    g,
    shape.map((d, i) => (axes.includes(i) ? 1 : d)),
  );
}

/** Elements that equal the extreme share its gradient evenly. */
function shared(g: Tensor, y: Tensor, x: Tensor, attrs: ReduceAttrs): Tensor {
  const reached = equal(x, widened(y, x, attrs));
  // Nothing equals an extreme that is NaN: then no element has a gradient, and 1 keeps the division finite.
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
