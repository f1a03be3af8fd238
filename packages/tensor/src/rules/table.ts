// The types of the tables of rules, what the rules of the families share, and the check of an operand that must be a
// tensor.
import { text } from "../axes.ts";
import type { ComputeType, DType } from "../dtype.ts";
import { ArgumentError, DTypeError, ShapeError } from "../errors.ts";
import type { Value } from "../interpreter.ts";
import type { Attrs, OpName, Shape } from "../ops.ts";
import type { Tensor } from "../tensor.ts";

/**
 * For each primitive, the shape of its result. A rule is passed its own name, for messages, and throws a ShapeError if
 * the shapes do not fit.
 */
export type ShapeRules<K extends OpName = OpName> = {
  readonly [N in K]: (inputs: readonly Value[], attrs: Attrs<N>, op: N) => Shape;
};
/** For each primitive, the dtype of its result. A rule throws a DTypeError if the dtypes do not fit. */
export type DTypeRules<K extends OpName = OpName> = {
  readonly [N in K]: (inputs: readonly Value[], attrs: Attrs<N>, op: N) => DType;
};

/** The operand at a position where a number is not accepted. */
export function tensorAt(op: string, inputs: readonly Value[], i: number): Tensor {
  const x = inputs[i];
  if (typeof x === "object") return x;
  throw new ArgumentError(
    `${op}: operand ${i} must be a tensor, got ${x === undefined ? "nothing" : `the number ${x}`}`,
  );
}

/** Refuses another number of operands than an operation has. */
export function checkOperands(op: string, { length }: readonly Value[], wanted: number): void {
  if (length !== wanted) throw new ArgumentError(`${op}: wanted ${wanted} operands, got ${length}`);
}

/** The dtype of the first operand. */
export const keepsDType = (inputs: readonly Value[], _attrs: unknown, op: string): DType =>
  tensorAt(op, inputs, 0).dtype;

/** The dtype of the first operand, which must be one of those wanted. */
export const takes =
  (...wanted: ComputeType[]) =>
  (inputs: readonly Value[], _attrs: unknown, op: string): DType =>
    dtypeAmong(op, tensorAt(op, inputs, 0).dtype, wanted);

/** Refuses a dtype that is not one of those wanted. */
export function dtypeAmong(op: string, got: DType, wanted: readonly DType[]): DType {
  if (wanted.includes(got)) return got;
  throw new DTypeError(`${op}: wanted ${wanted.join(" or ")}, got ${got}; use cast`);
}

/** Refuses tensors of two dtypes. */
export function agree(op: string, a: DType, b: DType): DType {
  if (a !== b) throw new DTypeError(`${op}: the operands are ${a} and ${b}; cast one of them`);
  return a;
}

export function checkAxis(op: string, shape: Shape, axis: number): void {
  if (!(Number.isInteger(axis) && axis >= 0 && axis < shape.length))
    throw new ShapeError(`${op}: axis ${axis} is out of range for shape ${text(shape)}`);
}

export const float = takes("f32", "f64");
export const number = takes("f32", "f64", "i32");
/** Two operands of one floating-point dtype. */
export const sameTwo = (inputs: readonly Value[], attrs: unknown, op: string): DType =>
  agree(op, float(inputs, attrs, op), tensorAt(op, inputs, 1).dtype);

/** The shape rule of fused operations with one result, which is like their first operand. */
export const likeFirst = (name: string) => (inputs: readonly Value[]) => {
  const { shape, dtype } = tensorAt(name, inputs, 0);
  return [{ shape, dtype }];
};
