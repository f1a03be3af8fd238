// Conversion between stored values and values in memory: floats convert to floats of any width, integers to integers in
// range, and neither converts to the other.
import type { DType, TypedArray } from "@weft/tensor";
import { dtypeInfo } from "@weft/tensor/internals";
import { FormatError } from "./format-error.ts";
import { bytesOf, type StoredTensor, type StoredType } from "./safetensors/safetensors.ts";

/** The bytes of host values, little-endian, as `type`; `I64` is made from integers. */
export function toStored(values: TypedArray, shape: readonly number[], type: StoredType): StoredTensor {
  if (type === "I64") return { dtype: type, shape, bytes: bytesIn(BigInt64Array.from(values, BigInt)) };
  // A reference backend may return f32 values in more precision than is stored.
  const Stored = { F32: Float32Array, F64: Float64Array }[type as string];
  return {
    dtype: type,
    shape,
    bytes: bytesIn(Stored === undefined || values instanceof Stored ? values : new Stored(values)),
  };
}

// Every machine that runs JavaScript engines today is little-endian; a big-endian one would need a byte swap here.
const bytesIn = (a: ArrayBufferView): Uint8Array => new Uint8Array(a.buffer, a.byteOffset, a.byteLength);

type Reader = (data: DataView, i: number) => number;
type Readers = { readonly [S in StoredType]?: Reader };

const i64: Reader = (d, i) => {
  const value = d.getBigInt64(8 * i, true);
  if (value < -2147483648n || value > 2147483647n)
    throw new RangeError(`${value} at element ${i}, which is outside i32`);
  return Number(value);
};
const u16: Reader = (d, i) => d.getUint16(2 * i, true);
const u8: Reader = (d, i) => d.getUint8(i);
const floats: Readers = {
  F64: (d, i) => d.getFloat64(8 * i, true),
  F32: (d, i) => d.getFloat32(4 * i, true),
  F16: (d, i) => dtypeInfo.f16.load(u16(d, i)),
  BF16: (d, i) => dtypeInfo.bf16.load(u16(d, i)),
};
const whole: Readers = {
  I64: i64,
  I32: (d, i) => d.getInt32(4 * i, true),
  I16: (d, i) => d.getInt16(2 * i, true),
  U16: u16,
  I8: (d, i) => d.getInt8(i),
  U8: u8,
};

/** How each dtype is stored, and which stored types it can be read from. */
const files: Record<DType, { readonly as: StoredType; readonly from: Readers }> = {
  f32: { as: "F32", from: floats },
  f64: { as: "F64", from: floats },
  i32: { as: "I32", from: whole },
  bool: { as: "BOOL", from: { BOOL: u8 } },
  u8: { as: "U8", from: { U8: u8 } },
  f16: { as: "F16", from: floats },
  bf16: { as: "BF16", from: floats },
};

export const storedAs = (dtype: DType): StoredType => files[dtype].as;

/**
 * A copy of stored values as a typed array of `dtype`. Throws a FormatError that names the tensor if they do not fit.
 */
export function fromStored(name: string, { dtype: stored, bytes: from }: StoredTensor, dtype: DType): TypedArray {
  const { as, from: readers } = files[dtype];
  const { array, store } = dtypeInfo[dtype];
  const reader = readers[stored];
  if (reader === undefined)
    throw new FormatError(
      `safetensors: ${JSON.stringify(name)} is stored as ${stored}, ` +
        `${dtype} can be read from ${Object.keys(readers).join(", ")}`,
    );
  if (stored === as && dtype !== "bool") {
    const copy = new Uint8Array(from); // a Buffer's own slice() would be a view
    return new array(copy.buffer, 0, copy.byteLength / array.BYTES_PER_ELEMENT);
  }
  const view = new DataView(from.buffer, from.byteOffset, from.byteLength);
  const values = new array(from.byteLength / bytesOf[stored]);
  try {
    for (let i = 0; i < values.length; i++) {
      const x = reader(view, i);
      values[i] = store === undefined ? x : store(x);
    }
  } catch (error) {
    if (error instanceof RangeError)
      throw new FormatError(`safetensors: ${JSON.stringify(name)} holds ${error.message}`, { cause: error });
    throw error;
  }
  return values;
}
