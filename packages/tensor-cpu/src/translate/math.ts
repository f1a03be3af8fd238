// The functions that kernels in f64 call out of WebAssembly: JavaScript's Math, and erf.
import type { Fn } from "@weft/kernel";
import { erf } from "./erf.ts";

const { exp, expm1, log, log1p, sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh, atanh, atan2 } = Math;

/** IEEE 754: 1 to any power, and ±1 to an infinite one, is 1 (JavaScript says NaN). */
const pow = (a: number, b: number): number => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b);

/** 2/π in pieces of 24 bits: the product of one with an f32 is exact. */
const pieces = [0xa2f983, 0x6e4e44, 0x1529fc, 0x2757d1, 0xf534dd, 0xc0db62, 0x95993c, 0x439041].map(
  (digits, i) => digits * 2 ** (-24 * (i + 1)),
);

/** The nearest quarter turn (modulo 4) to an angle in f32, and what remains of the angle (Payne and Hanek). */
function quarter(x: number): [turns: number, rest: number] {
  let [head, tail] = [0, 0];
  for (let i = pieces.length - 1; i >= 0; i--) {
    const t = x * pieces[i]!;
    if (Math.abs(t) < 0.25) tail += t;
    else if (Math.abs(t) < 2 ** 50) head += t - 4 * Math.floor(t / 4); // exact; a larger one is a multiple of 4
  }
  const n = Math.round(head + tail);
  return [n & 3, (head - n + tail) * (Math.PI / 2)];
}

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
  rem: (a: number, b: number) => a % b,
  turns: (x: number) => quarter(x)[0],
  rest: (x: number) => quarter(x)[1],
} as const satisfies {
  readonly [F in Fn]?: (a: number, b: number) => number;
};
