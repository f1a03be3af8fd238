// A part of one axis, for functions that cut tensors into pieces.
import { applyRead } from "./apply.ts";
import type { Tensor } from "./tensor.ts";

/** `size` elements of an axis from `start` on, `step` apart; they must lie on the axis. The other axes stay whole. */
export function span(x: Tensor, axis: number, start: number, size: number, step = 1): Tensor {
  const { shape } = x;
  const starts = shape.map((_, i) => (i === axis ? start : 0));
  const steps = shape.map((_, i) => (i === axis ? step : 1));
  return applyRead("slice", [x], { starts, sizes: shape.with(axis, size), steps });
}
