// Element types. One descriptor per dtype says how it is stored, what it is computed in, and how it is promoted.
// Whatever else depends on the dtype reads it here, or is a complete table over the names.
import { bfloat, half } from "./narrow-floats.ts";

/** The types that arithmetic is done in. The other dtypes are only stored: they are widened when they are loaded. */
export type ComputeType = "f32" | "f64" | "i32" | "bool";

/** Everything there is to know about a dtype. */
export interface DTypeInfo {
  /** Bytes that an element takes in memory (a `bool` is one byte, 0 or 1). */
  readonly bytes: 1 | 2 | 4 | 8;
  /** The typed array that holds it on the host. */
  readonly array:
    | Float32ArrayConstructor
    | Float64ArrayConstructor
    | Int32ArrayConstructor
    | Uint8ArrayConstructor
    | Uint16ArrayConstructor;
  readonly kind: "bool" | "integer" | "float";
  /** Its number in cache keys, from 0. Of two dtypes, the one with the greater number is wider. */
  readonly code: number;
  /** What its elements are computed in. */
  readonly compute: ComputeType;
  /** What their sums are computed in: masks are counted. */
  readonly accumulate: ComputeType;
  /** From a number to the element of the array, as `cast` converts it; undefined where the array converts by itself. */
  readonly store: ((x: number) => number) | undefined;
  /** From an element of the array to the number; undefined where they are the same. */
  readonly load: ((element: number) => number) | undefined;
}

const asItIs = { store: undefined, load: undefined };
const truth = { store: (x: number) => (x === 0 ? 0 : 1), load: undefined };
const within = (least: number, most: number) => ({
  store: (x: number) => Math.min(Math.max(Math.trunc(x) || 0, least), most),
  load: undefined,
});
const word = within(-0x80000000, 0x7fffffff);
const byte = within(0, 255);

/** The descriptor of each dtype. @example dtypeInfo.f16.bytes // 2 */
// oxfmt-ignore
export const dtypeInfo = {
  f32: { bytes: 4, array: Float32Array, kind: "float", code: 5, compute: "f32", accumulate: "f32", ...asItIs },
  f64: { bytes: 8, array: Float64Array, kind: "float", code: 6, compute: "f64", accumulate: "f64", ...asItIs },
  i32: { bytes: 4, array: Int32Array, kind: "integer", code: 2, compute: "i32", accumulate: "i32", ...word },
  bool: { bytes: 1, array: Uint8Array, kind: "bool", code: 0, compute: "bool", accumulate: "i32", ...truth },
  u8: { bytes: 1, array: Uint8Array, kind: "integer", code: 1, compute: "f32", accumulate: "f32", ...byte },
  f16: { bytes: 2, array: Uint16Array, kind: "float", code: 3, compute: "f32", accumulate: "f32", ...half },
  bf16: { bytes: 2, array: Uint16Array, kind: "float", code: 4, compute: "f32", accumulate: "f32", ...bfloat },
} as const satisfies Record<string, DTypeInfo>;

/**
 * `f32` is the default. `u8`, `f16` and `bf16` are storage types: they are converted in the kernel that first uses
 * them.
 */
export type DType = keyof typeof dtypeInfo;

export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array | Uint16Array;

export const isFloat = (dtype: DType): boolean => dtypeInfo[dtype].kind === "float";

/** Whether values of a dtype are computed in another dtype, and rounded when they are stored. */
export const isStorage = (dtype: DType): boolean => dtypeInfo[dtype].compute !== dtype;

/** The largest finite number that floats of a dtype are computed with. */
export const largest = (dtype: DType): number => (dtype === "f64" ? Number.MAX_VALUE : (2 - 2 ** -23) * 2 ** 127);

/** The dtype that two operands are promoted to: what the wider one is computed in. */
export function promote(a: DType, b: DType): ComputeType {
  const [x, y] = [dtypeInfo[a], dtypeInfo[b]];
  return (x.code > y.code ? x : y).compute;
}
