// What stored values become in memory: floats of any width become the float that is wanted, whole numbers a whole number
// in range, and nothing turns into the other by itself.
import { type DType, type TypedArray } from "@weft/tensor";
import { FormatError } from "./format-error.ts";
import type { StoredTensor, StoredType } from "./safetensors.ts";

/** How each dtype is stored. */
export const storedAs: Record<DType, StoredType> = {
  f32: "F32",
  f64: "F64",
  i32: "I32",
  bool: "BOOL",
  u8: "U8",
  f16: "F16",
};

/** The bytes of host values, little-endian, as `type`; `I64` is made from whole numbers. */
export function toStored(values: TypedArray, shape: readonly number[], type: StoredType): StoredTensor {
  if (type === "I64") return { dtype: type, shape, bytes: bytesIn(BigInt64Array.from(values, BigInt)) };
  // A reference backend may give an f32 in more precision than is stored.
  const Stored = { F32: Float32Array, F64: Float64Array }[type as string];
  return {
    dtype: type,
    shape,
    bytes: bytesIn(Stored === undefined || values instanceof Stored ? values : new Stored(values)),
  };
}

// Every machine that runs JavaScript engines today is little-endian; the others would need a swap here.
const bytesIn = (a: ArrayBufferView): Uint8Array => new Uint8Array(a.buffer, a.byteOffset, a.byteLength);

/** The value of 16 bits as a half-precision float. */
function half(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const size =
    exponent === 31
      ? fraction === 0
        ? Infinity
        : NaN
      : exponent === 0
        ? fraction * 2 ** -24
        : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -size : size;
}

type Reader = (data: DataView, i: number) => number;
const i64: Reader = (d, i) => {
  const value = d.getBigInt64(8 * i, true);
  if (value < -2147483648n || value > 2147483647n)
    throw new RangeError(`${value} at element ${i}, which is outside i32`);
  return Number(value);
};
const floats: Partial<Record<StoredType, Reader>> = {
  F64: (d, i) => d.getFloat64(8 * i, true),
  F32: (d, i) => d.getFloat32(4 * i, true),
  F16: (d, i) => half(d.getUint16(2 * i, true)),
  BF16: /* @__PURE__ */ (() => {
    const one = new DataView(new ArrayBuffer(4));
    return (d: DataView, i: number) => (one.setUint16(2, d.getUint16(2 * i, true), true), one.getFloat32(0, true));
  })(),
};
const whole: Partial<Record<StoredType, Reader>> = {
  I64: i64,
  I32: (d, i) => d.getInt32(4 * i, true),
  I16: (d, i) => d.getInt16(2 * i, true),
  U16: (d, i) => d.getUint16(2 * i, true),
  I8: (d, i) => d.getInt8(i),
  U8: (d, i) => d.getUint8(i),
};
const truth: Partial<Record<StoredType, Reader>> = { BOOL: (d, i) => (d.getUint8(i) === 0 ? 0 : 1) };
const bytes: Partial<Record<StoredType, Reader>> = { U8: (d, i) => d.getUint8(i) };
const bits: Partial<Record<StoredType, Reader>> = { F16: (d, i) => d.getUint16(2 * i, true) };

/** What each dtype can be read from. */
const readers: Record<DType, Partial<Record<StoredType, Reader>>> = {
  f32: floats,
  f64: floats,
  i32: whole,
  bool: truth,
  u8: bytes,
  f16: bits,
};
const arrays = {
  f32: Float32Array,
  f64: Float64Array,
  i32: Int32Array,
  bool: Uint8Array,
  u8: Uint8Array,
  f16: Uint16Array,
} as const;

/** A copy of stored values as the typed array of `dtype`; refuses pairs that do not fit, naming the tensor. */
export function fromStored(name: string, { dtype: stored, bytes: from }: StoredTensor, dtype: DType): TypedArray {
  const reader = readers[dtype][stored];
  if (reader === undefined) {
    const wanted = Object.keys(readers[dtype]).join(", ");
    throw new FormatError(
      `safetensors: ${JSON.stringify(name)} is stored as ${stored}, ${dtype} is read from ${wanted}`,
    );
  }
  if (stored === storedAs[dtype] && dtype !== "bool") {
    const copy = new Uint8Array(from); // a Buffer's own slice() would be a view
    return new arrays[dtype](copy.buffer, 0, copy.byteLength / arrays[dtype].BYTES_PER_ELEMENT);
  }
  const view = new DataView(from.buffer, from.byteOffset, from.byteLength);
  const width = { F64: 8, I64: 8, F32: 4, I32: 4, F16: 2, BF16: 2, I16: 2, U16: 2 }[stored as string] ?? 1;
  const values = new arrays[dtype](from.byteLength / width);
  try {
    for (let i = 0; i < values.length; i++) values[i] = reader(view, i);
  } catch (error) {
    if (error instanceof RangeError)
      throw new FormatError(`safetensors: ${JSON.stringify(name)} holds ${error.message}`, { cause: error });
    throw error;
  }
  return values;
}
