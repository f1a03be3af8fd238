// What a kernel of the reference is: arrays of float64 in, one array of float64 out, whatever the dtype; and the loop
// over strides that broadcasting, movement and reductions share.
import type { Attrs, DType, OpName, Shape } from "@weft/tensor";

/** An operand: its elements in row-major order. A plain number arrives as a scalar. */
export interface Elements {
  readonly data: Float64Array;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Reports an index out of range to the backend; reads of the result throw. */
export type OutOfRange = (index: number, axis: number, size: number) => void;

/** For each primitive the elements of its result, before they are rounded or wrapped to the dtype. */
export type Kernels<K extends OpName = OpName> = {
  readonly [N in K]: (
    inputs: readonly Elements[],
    attrs: Attrs<N>,
    shape: Shape,
    dtype: DType,
    outOfRange: OutOfRange,
  ) => Float64Array;
};

export const sizeOf = (shape: Shape): number => shape.reduce((n, d) => n * d, 1);

/** Row-major strides. */
export function stridesOf(shape: Shape): number[] {
  const strides: number[] = Array.from({ length: shape.length });
  for (let i = shape.length - 1, n = 1; i >= 0; n *= shape[i--]!) strides[i] = n;
  return strides;
}

/** The strides that broadcast `from` to the shape `to`: 0 along stretched and added axes. */
export function stretched(from: Shape, to: Shape): number[] {
  const strides = stridesOf(from);
  const lead = to.length - from.length;
  return to.map((_, i) => (i < lead || from[i - lead] === 1 ? 0 : strides[i - lead]!));
}

/** For every element of `shape`, in row-major order, its offset under `strides`. */
export function offsets(shape: Shape, strides: readonly number[], start = 0): Int32Array {
  const result = new Int32Array(sizeOf(shape));
  if (result.length === 0) return result;
  result[0] = start;
  // From the last axis: the offsets found so far are repeated, shifted by the stride.
  for (let axis = shape.length - 1, block = 1; axis >= 0; axis--) {
    const [size, stride] = [shape[axis]!, strides[axis]!];
    for (let k = 1; k < size; k++) for (let i = 0; i < block; i++) result[k * block + i] = result[i]! + k * stride;
    block *= size;
  }
  return result;
}

/** The elements found at those offsets. */
export function pick(data: Float64Array, at: Int32Array): Float64Array {
  const result = new Float64Array(at.length);
  for (let i = 0; i < at.length; i++) result[i] = data[at[i]!]!;
  return result;
}

/** The offset of every line's first element along `axis`, and the stride within a line. */
export function linesAlong(shape: Shape, axis: number): { starts: Int32Array; stride: number; length: number } {
  const strides = stridesOf(shape);
  const rest = shape.map((_, i) => i).filter((i) => i !== axis);
  const starts = offsets(
    rest.map((i) => shape[i]!),
    rest.map((i) => strides[i]!),
  );
  return { starts, stride: strides[axis]!, length: shape[axis]! };
}
