// The functions that kernels in f64 call out of WebAssembly: JavaScript's Math, and erf.
import type { Fn } from "@weft/kernel";
import { erf } from "./erf.ts";

const { exp, expm1, log, log1p, sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh, atanh, pow, atan2 } = Math;

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
