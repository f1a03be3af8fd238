// How each dtype lies in memory and converts to its compute type, as WGSL: one complete table, and an element in a
// word.
import type { DType } from "@weft/tensor";
import { dtypeInfo } from "@weft/tensor/internals";
import type { Scalar } from "@weft/kernel";
import { applied, type Register } from "./scalar.ts";

interface Storage {
  /** The value from the bits of an element, a u32 whose higher bits are 0. */
  readonly load: (bits: string) => string;
  /** The bits of a value, a u32. */
  readonly store: (value: string) => string;
}

const call = (name: string) => (x: string) => `${name}(${x})`;

/** Undefined where WGSL has no such type. */
export const storage: Record<DType, Storage | undefined> = {
  f32: { load: call("bitcast<f32>"), store: call("bitcast<u32>") },
  f64: undefined,
  i32: { load: call("bitcast<i32>"), store: call("bitcast<u32>") },
  bool: { load: (bits) => `(${bits} != 0u)`, store: call("u32") },
  u8: { load: call("f32"), store: (x) => `u32(clamp(w_int(${x}), 0i, 255i))` },
  f16: { load: call("w_from_half"), store: call("w_to_half") },
  bf16: { load: (bits) => `w_float(${bits} << 16u)`, store: call("w_to_bfloat") },
};

function storageOf(dtype: DType): Storage {
  const found = storage[dtype];
  if (found === undefined) throw new TypeError(`translate: WGSL has no ${dtype}`);
  return found;
}

const converted = (value: string, from: Scalar, to: Scalar): string =>
  from === to ? value : applied(to, from, [value], 0);

/** Whether an element is smaller than a word, and the bits that it has. */
export const isNarrow = (dtype: DType): boolean => dtypeInfo[dtype].bytes < 4;
export const bitsOf = (dtype: DType): string => `${2 ** (8 * dtypeInfo[dtype].bytes) - 1}u`;

/** The element of a dtype in a word, at byte address `address`, of which only the last two bits count. */
export function elementIn(dtype: DType, as: Register, word: string, address: string): string {
  const bits = isNarrow(dtype) ? `((${word} >> ((${address} & 3u) * 8u)) & ${bitsOf(dtype)})` : word;
  return converted(storageOf(dtype).load(bits), dtypeInfo[dtype].compute, as);
}

/** A value as the word of an element, or as its bits where it has fewer. */
export const wordOf = (dtype: DType, of: Register, value: string): string =>
  storageOf(dtype).store(converted(value, of, dtypeInfo[dtype].compute));
