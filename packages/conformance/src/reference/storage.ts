// What a number becomes in each dtype, and the bits of narrow floats: by definition, independent of the backends' code.
import type { DType, TypedArray } from "@weft/tensor";
import { dtypeInfo } from "@weft/tensor/internals";

interface Conversion {
  /** A number as `cast` converts it. */
  readonly round: (x: number) => number;
  /** The element of the host's array for such a number, and back. */
  readonly store: (x: number) => number;
  readonly load: (element: number) => number;
}

const same = (x: number): number => x;
const plain = (round: (x: number) => number): Conversion => ({ round, store: same, load: same });
const truncate = (low: number, high: number): Conversion =>
  plain((x) => (Number.isNaN(x) ? 0 : Math.min(high, Math.max(low, Math.trunc(x)))));

/** A float with a sign, exponent bits and fraction bits, as in IEEE 754. */
function float(exponentBits: number, fractionBits: number): Conversion {
  const special = 2 ** exponentBits - 1;
  const bias = 2 ** (exponentBits - 1) - 1;
  const ones = 2 ** fractionBits;
  const largest = (2 - 1 / ones) * 2 ** bias;
  /** The exponent that a number is stored with; subnormal numbers have the least. */
  const exponentOf = (a: number): number => {
    const least = 1 - bias;
    let exponent = Math.max(least, Math.floor(Math.log2(a))); // one off where the logarithm is rounded
    while (a >= 2 ** (exponent + 1)) exponent++;
    while (exponent > least && a < 2 ** exponent) exponent--;
    return exponent;
  };
  const load = (bits: number): number => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> fractionBits) & special;
    const fraction = bits & (ones - 1);
    if (exponent === special) return fraction === 0 ? sign * Infinity : NaN;
    if (exponent === 0) return sign * fraction * 2 ** (1 - bias - fractionBits);
    return sign * (1 + fraction / ones) * 2 ** (exponent - bias);
  };
  /** The nearest one, ties to even; infinity beyond the largest and half a step. */
  const round = (x: number): number => {
    if (x === 0 || !Number.isFinite(x)) return x;
    const step = 2 ** (exponentOf(Math.abs(x)) - fractionBits);
    const q = x / step;
    const r = Math.round(q);
    const rounded = (r - q === 0.5 && r % 2 !== 0 ? r - 1 : r) * step;
    return Math.abs(rounded) > largest ? Math.sign(x) * Infinity : rounded;
  };
  const store = (value: number): number => {
    const x = round(value);
    const a = Math.abs(x);
    if (Number.isNaN(x)) return special * ones + ones / 2;
    const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
    if (a === Infinity) return sign | (special * ones);
    const exponent = exponentOf(a);
    const digits = a / 2 ** (exponent - fractionBits);
    return sign | (digits < ones ? digits : (exponent + bias) * ones + digits - ones);
  };
  return { round, store, load };
}

export const storage: Record<DType, Conversion> = {
  // The reference keeps f32 as float64, unless `rounding` is set.
  f32: plain(same),
  f64: plain(same),
  i32: truncate(-(2 ** 31), 2 ** 31 - 1),
  bool: plain((x) => (x === 0 ? 0 : 1)),
  u8: truncate(0, 255),
  f16: float(5, 10),
  bf16: float(8, 7),
};

/** These numbers as the host's array of a dtype. */
export const elementsOf = (dtype: DType, numbers: ArrayLike<number>): TypedArray =>
  dtypeInfo[dtype].array.from(Array.from(numbers, storage[dtype].store));
