// The functions that kernels in f64 call out of WebAssembly: JavaScript's Math, and erf.
import type { Fn } from "@weft/kernel";
import { erf } from "./erf.ts";

const { exp, expm1, log, log1p, sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh, atanh, atan2 } = Math;

/** IEEE 754: 1 to any power, and ±1 to an infinite one, is 1 (JavaScript says NaN). */
const pow = (a: number, b: number): number => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b);

export const math = {
  exp,
  expm1,
  log,
  log1p,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  sinh,
  cosh,
  tanh,
  asinh,
  atanh,
  erf,
  pow,
  atan2,
} as const satisfies {
  readonly [F in Fn]?: (a: number, b: number) => number;
};
