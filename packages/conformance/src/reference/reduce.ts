// The meaning of the reductions: one accumulator per element of the result; NaN wins every search and sorts as the greatest.
import type { ReduceAttrs, ReduceOps } from "@weft/tensor/internals";
import { linesAlong, offsets, sizeOf, stridesOf, type Elements, type Kernels } from "./kernels.ts";

const reduce =
  (neutral: number, f: (sum: number, x: number) => number) =>
  ([x]: readonly Elements[], { axes }: ReduceAttrs, shape: readonly number[]): Float64Array => {
    const kept = x!.shape.map((d, i) => (axes.includes(i) ? 1 : d));
    const strides = stridesOf(kept).map((stride, i) => (axes.includes(i) ? 0 : stride));
    const at = offsets(x!.shape, strides);
    const result = new Float64Array(sizeOf(shape)).fill(neutral);
    for (let i = 0; i < at.length; i++) result[at[i]!] = f(result[at[i]!]!, x!.data[i]!);
    return result;
  };

/** The first place of the greatest (sign 1) or least (sign -1) element; the first NaN, if there is one. */
const position =
  (sign: number) =>
  ([x]: readonly Elements[], { axis }: { readonly axis: number }): Float64Array => {
    const { starts, stride, length } = linesAlong(x!.shape, axis);
    return Float64Array.from(starts, (start) => {
      let best = 0;
      for (let k = 0; k < length; k++) {
        const value = x!.data[start + k * stride]!;
        if (Number.isNaN(value)) return k;
        if (sign * value > sign * x!.data[start + best * stride]!) best = k;
      }
      return best;
    });
  };

/** In order of `sign` times the value; NaN counts as the greatest. */
const compare =
  (sign: number) =>
  (a: number, b: number): number =>
    a < b ? -sign : a > b ? sign : sign * (Number(Number.isNaN(a)) - Number(Number.isNaN(b)));

export const reductions: Kernels<keyof ReduceOps> = {
  sum: reduce(0, (sum, x) => sum + x),
  max: reduce(-Infinity, Math.max),
  min: reduce(Infinity, Math.min),
  argmax: position(1),
  argmin: position(-1),
  cumsum: ([x], { axis, reverse }) => {
    const { starts, stride, length } = linesAlong(x!.shape, axis);
    const result = new Float64Array(x!.data.length);
    for (const start of starts) {
      let sum = 0;
      for (let k = 0; k < length; k++) {
        const i = start + (reverse ? length - 1 - k : k) * stride;
        result[i] = sum += x!.data[i]!;
      }
    }
    return result;
  },
  argsort: ([x], { axis, descending }) => {
    const { starts, stride, length } = linesAlong(x!.shape, axis);
    const result = new Float64Array(x!.data.length);
    const order = compare(descending ? -1 : 1);
    for (const start of starts) {
      const at = (k: number): number => x!.data[start + k * stride]!;
      const sorted = Array.from({ length }, (_, k) => k).sort((a, b) => order(at(a), at(b)));
      sorted.forEach((from, k) => (result[start + k * stride] = from));
    }
    return result;
  },
};
