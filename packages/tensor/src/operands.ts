// Operands as functions compute with them: read, and in the dtype that the function or the other operand requires.
import { applyRead, read, readTensor, readTensors } from "./apply.ts";
import { dtypeInfo, isFloat, type DType } from "./dtype.ts";
import { ArgumentError, describe, DTypeError } from "./errors.ts";
import type { Operand, Value } from "./interpreter.ts";
import { refuseMore } from "./options.ts";
import type { Tensor } from "./tensor.ts";

/** x in a dtype; x itself if it has that dtype. */
export const inDType = (x: Tensor, dtype: DType): Tensor => (x.dtype === dtype ? x : applyRead("cast", [x], { dtype }));

/** The operand in a dtype that floating-point functions compute in. Numbers stay numbers. */
export function floating(x: Operand, op: string, more?: unknown, beside?: Operand): Value {
  if (more !== undefined) refuseMore(op, more);
  const t = read(x, op, beside);
  return typeof t === "number" ? t : inFloats(t);
}

/** A tensor in a dtype that floating-point functions compute in. */
export const inFloats = (t: Tensor): Tensor => (t.dtype === "f32" || t.dtype === "f64" ? t : inDType(t, "f32"));

/** The same as a tensor. */
export function floats(x: Operand, op: string, more?: unknown): Tensor {
  refuseMore(op, more);
  return inFloats(readTensor(x, op));
}

/** The operand in a dtype that arithmetic computes in: `bool` counts as integers. */
export function numeric(x: Operand, op: string, more?: unknown): Value {
  if (more !== undefined) refuseMore(op, more);
  const t = read(x, op);
  return typeof t === "number" ? t : inNumbers(t);
}

/** A tensor in a dtype that arithmetic computes in. */
export const inNumbers = (t: Tensor): Tensor => inDType(t, dtypeInfo[t.dtype].accumulate);

/** A number beside a tensor of this dtype. One that `i32` cannot hold is refused. */
export function checkNumber(op: string, dtype: DType, n: number): number {
  if (dtype === "i32" && (n | 0) !== n)
    throw new DTypeError(`${op}: the number ${n} does not fit an i32 tensor; cast the tensor to f32 first`);
  return n;
}

/** The dtype that a tensor is promoted to when it is combined with a number. */
export function withNumber(op: string, dtype: DType, n: number): DType {
  checkNumber(op, dtype, n);
  if (dtype === "bool") return (n | 0) === n ? "i32" : "f32";
  return dtypeInfo[dtype].compute;
}

/** Indices as `i32`. */
export function indicesOf(op: string, t: Tensor): Tensor {
  if (!isFloat(t.dtype)) return inDType(t, "i32");
  throw new DTypeError(`${op}: indices must be integers, got ${t.dtype}; use cast(indices, "i32")`);
}

/** Indices as `i32`. A mask is refused: its true and false would be read as rows 1 and 0. */
export function positions(op: string, t: Tensor): Tensor {
  if (t.dtype !== "bool") return indicesOf(op, t);
  throw new DTypeError(
    `${op}: indices must be integers, got bool, a mask. Use where(mask, x, 0) to choose elements by a mask, or cast(indices, "i32") if 0 and 1 are meant`,
  );
}

/** The tensors of a list, which must not be empty. */
export function tensorsOf(op: string, xs: readonly Operand[]): [Tensor, ...Tensor[]] {
  if (!Array.isArray(xs)) throw new ArgumentError(`${op}: wanted an array of tensors, got ${describe(xs)}`);
  if (xs.length === 0) throw new ArgumentError(`${op}: wanted at least one tensor, got none`);
  return readTensors(op, Array.from<Operand>(xs)) as [Tensor, ...Tensor[]];
}
