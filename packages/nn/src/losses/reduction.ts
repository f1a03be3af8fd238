// What all losses share: how the losses of elements or rows are combined, and which shapes fit.
import {
  ArgumentError,
  ShapeError,
  mean,
  mul,
  sum,
  type Operand,
  type Tensor,
  type Value,
  type Shape,
} from "@weft/tensor";
import { floating, oneOf, sameShape, text, type OptionKinds } from "@weft/tensor/internals";

/** How the losses of rows or elements are combined: their mean, their sum, or not at all. */
export type Reduction = "mean" | "sum" | "none";

export interface LossOptions {
  readonly reduction?: Reduction;
}

export const reductions: Record<Reduction, (x: Tensor) => Tensor> = {
  mean: (x) => mean(x),
  sum: (x) => sum(x),
  none: (x) => x,
};

export const lossKinds: OptionKinds<LossOptions> = { reduction: oneOf("mean", "sum", "none") };
export const lossDefaults = { reduction: "mean" } as const;

/**
 * Two operands of one shape, as floats. Broadcasting `[N, 1]` against `[N]` would give a silently wrong loss, and so
 * would integers, whose differences and squares can overflow.
 */
export function pair(op: string, x: Operand, y: Operand): readonly [Value, Value] {
  const a = floating(x, op, undefined, y);
  const b = floating(y, op, undefined, a);
  if (typeof a === "number" && typeof b === "number")
    throw new ArgumentError(`${op}: wanted a tensor as predictions or targets, got two numbers`);
  if (typeof a === "number" || typeof b === "number") return [a, b];
  if (!sameShape(a.shape, b.shape))
    throw new ShapeError(`${op}: predictions ${text(a.shape)} and targets ${text(b.shape)} differ; reshape one`);
  return [a, b];
}

/** The same two as tensors: a number fills the shape of the other. */
export function tensorPair(op: string, x: Operand, y: Operand): readonly [Tensor, Tensor] {
  const [a, b] = pair(op, x, y);
  const filled = (n: number, { backend, shape, dtype }: Tensor): Tensor => backend.full(shape, n, { dtype });
  if (typeof a === "number") return [filled(a, b as Tensor), b as Tensor];
  return [a, typeof b === "number" ? filled(b, a) : b];
}

/** An operand beside those of a loss, as floats. It may broadcast to their shape, but must not enlarge it. */
export function beside(op: string, what: string, x: Operand, shape: Shape, neighbor: Operand): Value {
  const value = floating(x, op, undefined, neighbor);
  if (typeof value === "number") return value;
  const offset = shape.length - value.shape.length;
  if (offset < 0 || !value.shape.every((d, axis) => d === 1 || d === shape[axis + offset]))
    throw new ShapeError(`${op}: ${what} ${text(value.shape)} does not broadcast to the losses' shape ${text(shape)}`);
  return value;
}

/** The losses of elements times their weights, if there are some. */
export const weighted = (op: string, losses: Tensor, weight: Operand | undefined): Tensor =>
  weight === undefined ? losses : mul(losses, beside(op, "weight", weight, losses.shape, losses));
