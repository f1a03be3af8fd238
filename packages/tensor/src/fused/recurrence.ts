// What the fused operations over the steps of a sequence share: sizes and their checks, one step of a sequence, and the
// derivatives of the gate functions.
import { readTensors } from "../apply.ts";
import { sameShape, text } from "../axes.ts";
import { mul, sub } from "../elementwise.ts";
import { ShapeError } from "../errors.ts";
import type { Operand, Value } from "../interpreter.ts";
import { reshape, slice } from "../movement.ts";
import { inFloats } from "../operands.ts";
import type { Shape } from "../ops.ts";
import { tensorAt } from "../rules/table.ts";
import type { Tensor } from "../tensor.ts";

export type NoAttrs = Readonly<Record<string, never>>;
export const noAttrs: NoAttrs = {};

export interface Sizes {
  readonly steps: number;
  readonly batch: number;
  readonly units: number;
}

/** Throws if an operand does not have the wanted shape. */
function wanted(name: string, inputs: readonly Value[], shapes: Readonly<Record<string, Shape>>): void {
  Object.entries(shapes).forEach(([operand, shape], i) => {
    const found = tensorAt(name, inputs, i).shape;
    if (!sameShape(found, shape))
      throw new ShapeError(`${name}: wanted ${operand} of shape ${text(shape)}, got ${text(found)}`);
  });
}

/** The shapes of the operands after the first one, by name. */
type Rest = (sizes: Sizes) => Readonly<Record<string, Shape>>;

/**
 * Sizes of an operation whose first operand is `given`, `[T, B, parts · H]`. Throws a ShapeError if an operand does not
 * fit.
 */
export function sizesOf(name: string, inputs: readonly Value[], parts: number, rest: Rest): Sizes {
  const { shape } = tensorAt(name, inputs, 0);
  const [steps = 0, batch = 0, width = 0] = shape;
  if (shape.length !== 3 || steps === 0 || width % parts !== 0)
    throw new ShapeError(`${name}: wanted given of shape [T, B, ${parts} H] with T > 0, got ${text(shape)}`);
  const sizes = { steps, batch, units: width / parts };
  wanted(name, inputs, { given: shape, ...rest(sizes) });
  return sizes;
}

/**
 * Sizes of an operation whose first operand is `gates`, `[4, T, B, H]`. Throws a ShapeError if an operand does not fit.
 */
export function gradSizesOf(name: string, inputs: readonly Value[], rest: Rest): Sizes {
  const { shape } = tensorAt(name, inputs, 0);
  const [gates = 0, steps = 0, batch = 0, units = 0] = shape;
  if (shape.length !== 4 || gates !== 4 || steps === 0)
    throw new ShapeError(`${name}: wanted gates of shape [4, T, B, H] with T > 0, got ${text(shape)}`);
  const sizes = { steps, batch, units };
  wanted(name, inputs, { gates: shape, ...rest(sizes) });
  return sizes;
}

/** Operands as tensors of floating-point numbers. */
export const floats = (name: string, operands: readonly Operand[]): Tensor[] =>
  readTensors(name, operands).map(inFloats);

/** Results of these shapes, with the dtype of the first operand. */
export const results = (name: string, inputs: readonly Value[], shapes: readonly Shape[]) =>
  shapes.map((shape) => ({ shape, dtype: tensorAt(name, inputs, 0).dtype }));

/** Element t of the first axis, as `[B, n]`. */
export const step = (x: Tensor, t: number): Tensor =>
  reshape(slice(x, { starts: [t], ends: [t + 1] }), x.shape.slice(1));

/** Part k of the columns of x `[B, parts · H]`, as `[B, H]`. */
export const part = (x: Tensor, k: number, units: number): Tensor =>
  slice(x, { starts: [0, k * units], ends: [x.shape[0]!, (k + 1) * units] });

/** The derivatives of σ and tanh, from the function's value. */
export const dSigmoid = (y: Tensor): Tensor => mul(y, sub(1, y));
export const dTanh = (y: Tensor): Tensor => sub(1, mul(y, y));
