// The operands of operations over the steps of a sequence: their sizes and checks, the order of the steps, which of
// them a row has, and one step of a sequence.
import { readTensors } from "../apply.ts";
import { sameShape, text } from "../axes.ts";
import { less } from "../elementwise.ts";
import { promote, type DType } from "../dtype.ts";
import { ShapeError } from "../errors.ts";
import type { Operand, Value } from "../interpreter.ts";
import { reshape, slice } from "../movement.ts";
import { inDType, inFloats } from "../operands.ts";
import type { Shape } from "../ops.ts";
import { dtypeAmong, tensorAt } from "../rules/table.ts";
import type { Tensor } from "../tensor.ts";
import type { Cell } from "./cell.ts";

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

/** Takes operands from a list, in their order. */
function taking<T>(list: readonly T[]) {
  let at = 0;
  const some = (n: number): readonly T[] => list.slice(at, (at += n));
  const one = (): T => list[at++]!;
  return { some, one, maybe: (is: boolean): T | undefined => (is ? one() : undefined), left: () => at < list.length };
}

/** The operands of an operation over the steps by name, whatever stands for one: a tensor, an address, a place. */
export interface ForwardOperands<T> {
  readonly given: T;
  readonly h: T;
  /** The states beside h. */
  readonly others: readonly T[];
  readonly whh: T;
  /** The recurrent bias, if the cell gets the recurrent sums apart from what x gave. */
  readonly bhh: T | undefined;
  readonly lengths: T | undefined;
}

/** From all operands of the operation, in their order: that of `forwardSizes`. */
export function forwardOperands<T>({ others, apart }: Cell, list: readonly T[]): ForwardOperands<T> {
  const { one, some, maybe, left } = taking(list);
  return {
    given: one(),
    h: one(),
    others: some(others.length),
    whh: one(),
    bhh: maybe(apart),
    lengths: maybe(left()),
  };
}

/** The operands of the way back by name. */
export interface BackwardOperands<T> {
  readonly gates: T | undefined;
  /** The states that the cell keeps, and the first of them, if the way back needs those before a step. */
  readonly states: T;
  readonly first: T | undefined;
  readonly whh: T;
  readonly gy: T;
  /** The gradients of the states beside h after the last step. */
  readonly gs: readonly T[];
  readonly lengths: T | undefined;
}

/** From all operands of the way back, in their order: that of `backwardSizes`. */
export function backwardOperands<T>({ gates, kept, others }: Cell, list: readonly T[]): BackwardOperands<T> {
  const { one, some, maybe, left } = taking(list);
  return {
    gates: maybe(gates > 0),
    states: one(),
    first: maybe(kept.before),
    whh: one(),
    gy: one(),
    gs: some(others.length),
    lengths: maybe(left()),
  };
}

/** The sizes with the lengths. Throws if an operand does not have the wanted shape. */
function checked(
  name: string,
  inputs: readonly Value[],
  sizes: Omit<Sizes, "lengths">,
  operands: readonly (readonly [name: string, wanted: Shape])[],
): Sizes {
  const check = (operand: string, { shape: found }: Tensor, shape: Shape): void => {
    if (!sameShape(found, shape))
      throw new ShapeError(`${name}: wanted ${operand} of shape ${text(shape)}, got ${text(found)}`);
  };
  operands.forEach(([operand, shape], i) => check(operand, tensorAt(name, inputs, i), shape));
  if (inputs.length === operands.length) return { ...sizes, lengths: undefined };
  const lengths = tensorAt(name, inputs, operands.length);
  check("lengths", lengths, [sizes.batch]);
  dtypeAmong(`${name}: lengths`, lengths.dtype, ["i32"]);
  return { ...sizes, lengths };
}

/** Sizes from operands that begin with `given`, `[T, B, parts · H]`. Throws a ShapeError if an operand does not fit. */
export function forwardSizes({ name, parts, others, apart }: Cell, inputs: readonly Value[]): Sizes {
  const { shape } = tensorAt(name, inputs, 0);
  const [steps = 0, batch = 0, width = 0] = shape;
  if (shape.length !== 3 || steps === 0 || width % parts !== 0)
    throw new ShapeError(`${name}: wanted given of shape [T, B, ${times(parts)}H] with T > 0, got ${text(shape)}`);
  const units = width / parts;
  const state = [batch, units];
  return checked(name, inputs, { steps, batch, units }, [
    ["given", shape],
    ...["h", ...others].map((operand) => [operand, state] as const),
    ["whh", [width, units]],
    ...(apart ? [["bhh", [width]] as const] : []),
  ]);
}

/**
 * Sizes from the operands of the way back: they begin with `gates`, `[gates, T, B, H]`, or with the states that are
 * kept, `[T, B, H]`. Throws a ShapeError if an operand does not fit.
 */
export function backwardSizes({ name, parts, gates, others, kept }: Cell, inputs: readonly Value[]): Sizes {
  const { shape } = tensorAt(`${name}Grad`, inputs, 0);
  const [steps = 0, batch = 0, units = 0] = gates > 0 ? shape.slice(1) : shape;
  const [operand, sizes, rank] = gates > 0 ? ["gates", `${gates}, T, B, H`, 4] : [kept.states, "T, B, H", 3];
  if (shape.length !== rank || steps === 0 || (gates > 0 && shape[0] !== gates))
    throw new ShapeError(`${name}Grad: wanted ${operand} of shape [${sizes}] with T > 0, got ${text(shape)}`);
  const [all, state] = [
    [steps, batch, units],
    [batch, units],
  ];
  return checked(`${name}Grad`, inputs, { steps, batch, units }, [
    ...(gates > 0 ? [["gates", shape] as const] : []),
    [kept.states, all],
    ...(kept.before ? [[kept.first, state] as const] : []),
    ["whh", [parts * units, units]],
    ["gy", all],
    ...others.map((other) => [`g${other}`, state] as const),
  ]);
}

const times = (n: number): string => (n === 1 ? "" : `${n} `);

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
