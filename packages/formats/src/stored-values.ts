// Conversion between stored values and values in memory: floats convert to floats of any width, integers to integers in
// range, and neither converts to the other.
import type { DType, Shape, TypedArray } from "@weft/tensor";
import { dtypeInfo } from "@weft/tensor/internals";
import { viewOf } from "./bytes.ts";
import { FormatError } from "./format-error.ts";
import { bytesOf, type StoredTensor, type StoredType } from "./safetensors/safetensors.ts";

/**
 * Numbers on the host in row-major order, with their shape and dtype. Elements of `f16` and `bf16` are their bits.
 *
 * @example
 * const points = { data: Float32Array.of(0, 1, 1, 0), shape: [2, 2], dtype: "f32" };
 */
export interface HostArray {
  readonly data: TypedArray;
  readonly shape: Shape;
  readonly dtype: DType;
}

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

/** An integer that an i32 can hold. */
const inRange = (value: number | bigint, i: number): number => {
  if (value < -2147483648 || value > 2147483647) throw new RangeError(`${value} at element ${i}, which is outside i32`);
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
  I64: (d, i) => inRange(d.getBigInt64(8 * i, true), i),
  U64: (d, i) => inRange(d.getBigUint64(8 * i, true), i),
  U32: (d, i) => inRange(d.getUint32(4 * i, true), i),
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
 * A copy of stored values as a typed array of `dtype`. Throws a FormatError that begins with `where` if they do not fit.
 */
export function fromStored(where: string, { dtype: stored, bytes: from }: StoredTensor, dtype: DType): TypedArray {
  const { as, from: readers } = files[dtype];
  const { array, store } = dtypeInfo[dtype];
  const reader = readers[stored];
  if (reader === undefined)
    throw new FormatError(
      `${where} is stored as ${stored}, ${dtype} can be read from ${Object.keys(readers).join(", ")}`,
    );
  if (stored === as && dtype !== "bool") {
    const copy = new Uint8Array(from); // a Buffer's own slice() would be a view
    return new array(copy.buffer, 0, copy.byteLength / array.BYTES_PER_ELEMENT);
  }
  const view = viewOf(from);
  const values = new array(from.byteLength / bytesOf[stored]);
  try {
    for (let i = 0; i < values.length; i++) {
      const x = reader(view, i);
      values[i] = store === undefined ? x : store(x);
    }
  } catch (error) {
    if (error instanceof RangeError) throw new FormatError(`${where} holds ${error.message}`, { cause: error });
    throw error;
  }
  return values;
}

/** The dtype that holds all values of a stored type, or all that can be held. */
const natural: { readonly [S in StoredType]?: DType } = {
  F64: "f64",
  F32: "f32",
  F16: "f16",
  BF16: "bf16",
  I64: "i32",
  U64: "i32",
  I32: "i32",
  U32: "i32",
  I16: "i32",
  U16: "i32",
  I8: "i32",
  U8: "u8",
  BOOL: "bool",
};

/** Stored values in the dtype that fits them; messages begin with `where`. */
export function held(where: string, tensor: StoredTensor): HostArray {
  const dtype = natural[tensor.dtype];
  if (dtype === undefined) throw new FormatError(`${where} is stored as ${tensor.dtype}, which no dtype here holds`);
  return { data: fromStored(where, tensor, dtype), shape: [...tensor.shape], dtype };
}

/**
 * The values of a tensor in a file. Floats keep their type, `U8` becomes `u8` and `BOOL` `bool`; all other integers
 * become `i32`. Throws a FormatError for an integer that i32 cannot hold, and for `F8_E4M3` and `F8_E5M2`.
 *
 * @example
 * const { data, dtype } = hostArray({ dtype: "I64", shape: [2], bytes: new Uint8Array(16) });
 * dtype; // "i32"
 */
export const hostArray = (tensor: StoredTensor): HostArray => held("hostArray: the tensor", tensor);
