// Element types: what may be computed with, what is only stored, and what two of them become when they meet.

/** `f32` is the default. `u8` and `f16` are storage types: they are converted in the kernel that first uses them. */
export type DType = "f32" | "f64" | "i32" | "bool" | "u8" | "f16";

export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array | Uint16Array;

/** Bytes an element takes in memory (a `bool` is one byte, 0 or 1). */
export const bytesOf: Record<DType, number> = { f32: 4, f64: 8, i32: 4, bool: 1, u8: 1, f16: 2 };

/** The typed array that holds a dtype on the host (`f16` travels as its 16 bits). */
export const arrayOf = {
  f32: Float32Array,
  f64: Float64Array,
  i32: Int32Array,
  bool: Uint8Array,
  u8: Uint8Array,
  f16: Uint16Array,
} as const;

const rank: Record<DType, number> = { bool: 0, u8: 1, i32: 2, f16: 3, f32: 4, f64: 5 };

export const isFloat = (dtype: DType): boolean => rank[dtype] >= 3;

/** The dtype in which two operands meet: the wider one; storage types are widened to what is computed with. */
export function promote(a: DType, b: DType): DType {
  if (a === b) return computeType(a);
  return computeType(rank[a] > rank[b] ? a : b);
}

/** What a stored dtype is computed in: `u8` and `f16` in `f32`, every other in itself. */
export const computeType = (dtype: DType): DType => (dtype === "u8" || dtype === "f16" ? "f32" : dtype);
