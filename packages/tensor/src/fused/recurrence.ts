// What the fused operations over the steps of a sequence share: sizes and their checks, the order of the steps, which
// of them a row has, one step of a sequence, and what the formulas of their cells are written with.
import { readTensors } from "../apply.ts";
import { sameShape, text } from "../axes.ts";
import { less } from "../elementwise.ts";
import { promote, type DType } from "../dtype.ts";
import { ShapeError } from "../errors.ts";
import type { Operand, Value } from "../interpreter.ts";
import { reshape, slice } from "../movement.ts";
import type { Arithmetic } from "../expression.ts";
import { inDType, inFloats } from "../operands.ts";
import type { Shape } from "../ops.ts";
import { dtypeAmong, tensorAt } from "../rules/table.ts";
import type { Tensor } from "../tensor.ts";

export interface SequenceAttrs {
  /** From the last step to the first. */
  readonly reverse: boolean;
}

export interface SequenceOptions extends Partial<SequenceAttrs> {
  /**
   * How many steps each row of the batch has, i32 `[B]`; all of them if left out. Lengths below 0 count as 0, and those
   * above T as T. The other steps leave the row's state as it was. In reverse, a row begins with its last step.
   */
  readonly lengths?: Operand | undefined;
}

export interface Sizes {
  readonly steps: number;
  readonly batch: number;
  readonly units: number;
  /** The last operand, if there is one beside those that each sequence has. */
  readonly lengths: Tensor | undefined;
}

/** The sizes with the lengths. Throws if an operand does not have the wanted shape. */
function checked(
  name: string,
  inputs: readonly Value[],
  sizes: Omit<Sizes, "lengths">,
  shapes: Readonly<Record<string, Shape>>,
): Sizes {
  const check = (operand: string, { shape: found }: Tensor, shape: Shape): void => {
    if (!sameShape(found, shape))
      throw new ShapeError(`${name}: wanted ${operand} of shape ${text(shape)}, got ${text(found)}`);
  };
  const operands = Object.entries(shapes);
  operands.forEach(([operand, shape], i) => check(operand, tensorAt(name, inputs, i), shape));
  if (inputs.length === operands.length) return { ...sizes, lengths: undefined };
  const lengths = tensorAt(name, inputs, operands.length);
  check("lengths", lengths, [sizes.batch]);
  dtypeAmong(`${name}: lengths`, lengths.dtype, ["i32"]);
  return { ...sizes, lengths };
}

/** The shapes of the operands after the first one, by name. */
type Rest = (sizes: Omit<Sizes, "lengths">) => Readonly<Record<string, Shape>>;

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
  return checked(name, inputs, sizes, { given: shape, ...rest(sizes) });
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
  return checked(name, inputs, sizes, { gates: shape, ...rest(sizes) });
}

/** Operands as tensors of one floating-point dtype, and after them the lengths, if there are some. */
export function operandsOf(name: string, operands: readonly Operand[], { lengths }: SequenceOptions): Tensor[] {
  const all = readTensors(name, lengths === undefined ? operands : [...operands, lengths]);
  const floats = all.slice(0, operands.length).map(inFloats);
  const dtype = floats.reduce<DType>((met, x) => promote(met, x.dtype), "f32");
  return [...floats.map((x) => inDType(x, dtype)), ...all.slice(operands.length)];
}

/** The steps, in the order in which they are run. */
export const orderOf = ({ steps }: Sizes, { reverse }: SequenceAttrs): number[] =>
  Array.from({ length: steps }, (_, i) => (reverse ? steps - 1 - i : i));

/** For each row `[B, 1]`, whether it has step t; undefined without lengths. */
export function rowsAlive({ lengths, batch }: Sizes): (t: number) => Tensor | undefined {
  if (lengths === undefined) return () => undefined;
  const column = reshape(lengths, [batch, 1]);
  return (t) => less(t, column);
}

/** Results of these shapes, with the dtype of the first operand. */
export const results = (name: string, inputs: readonly Value[], shapes: readonly Shape[]) =>
  shapes.map((shape) => ({ shape, dtype: tensorAt(name, inputs, 0).dtype }));

/** Element t of the first axis, as `[B, n]`. */
export const step = (x: Tensor, t: number): Tensor =>
  reshape(slice(x, { starts: [t], ends: [t + 1] }), x.shape.slice(1));

/** The columns of x `[B, parts · H]` in parts `[B, H]`. */
export const columns = (x: Tensor, parts: number, units: number): Tensor[] =>
  Array.from({ length: parts }, (_, k) => slice(x, { starts: [0, k * units], ends: [x.shape[0]!, (k + 1) * units] }));

/**
 * What a step does with one unit of one row, forward or backward, written once for tensors and for the kernels of every
 * backend. It gives the parts of each result. `alive` says whether the row has the step; without lengths it is left
 * out.
 */
export type CellFormula = <V>(k: Arithmetic<V>, alive: V | undefined, ...xs: V[]) => readonly (readonly V[])[];

/** `made` where the row has the step, else `kept`. */
export const chosen = <V>(k: Arithmetic<V>, alive: V | undefined, made: V, kept: V): V =>
  alive === undefined ? made : k.where(alive, made, kept);

/** The derivatives of σ and tanh, from their values. */
export const dSigmoid = <V>(k: Arithmetic<V>, y: V): V => k.mul(y, k.sub(k.constant(1), y));
export const dTanh = <V>(k: Arithmetic<V>, y: V): V => k.sub(k.constant(1), k.mul(y, y));
