// The meaning of the elementwise family: one formula on numbers each, and broadcasting around it.
import type { ElementwiseOps } from "@weft/tensor/internals";
import { erf } from "./erf.ts";
import { offsets, sizeOf, stretched, type Elements, type Kernels } from "./kernels.ts";
import { storage } from "./storage.ts";

const unary =
  (f: (x: number) => number) =>
  ([x]: readonly Elements[]): Float64Array =>
    x!.data.map(f);

const binary =
  (f: (a: number, b: number) => number) =>
  ([a, b]: readonly Elements[], _: undefined, shape: readonly number[]): Float64Array => {
    const result = new Float64Array(sizeOf(shape));
    const [p, q] = [offsets(shape, stretched(a!.shape, shape)), offsets(shape, stretched(b!.shape, shape))];
    for (let i = 0; i < result.length; i++) result[i] = f(a!.data[p[i]!]!, b!.data[q[i]!]!);
    return result;
  };

/** Half to even, as IEEE 754 rounds. */
function roundHalfEven(x: number): number {
  const r = Math.round(x);
  return r - x === 0.5 && r % 2 !== 0 ? r - 1 : r;
}

/** 1/(1+e^(−x)), written so that no exponential overflows. */
function sigmoid(x: number): number {
  const e = Math.exp(-Math.abs(x));
  return x < 0 ? e / (1 + e) : 1 / (1 + e);
}

/** The remainder with the sign of the divisor, even if it is zero. */
function floorMod(a: number, b: number): number {
  const r = a % b;
  if (r === 0) return b < 0 ? -0 : 0;
  return r < 0 !== b < 0 ? r + b : r;
}

/** Math.pow is NaN for (±1)^±∞ and 1^NaN, where IEEE 754 (C, PyTorch) has 1. */
const power = (a: number, b: number): number =>
  a === 1 || (a === -1 && (b === Infinity || b === -Infinity)) ? 1 : a ** b;

/** The integer quotient not above a / b; 0 for b = 0. */
const floorQuotient = (a: number, b: number): number => (b === 0 ? 0 : Math.floor(a / b) | 0);

/** Shifts by a count of bits beyond 31 shift out all of them. */
const shifted = (a: number, by: number, left: boolean): number => {
  if (by < 0 || by > 31) return left || a >= 0 ? 0 : -1;
  return left ? a << by : a >> by;
};

const multiply = binary((a, b) => a * b);
const multiplyIntegers = binary(Math.imul);

export const elementwise: Kernels<keyof ElementwiseOps> = {
  neg: unary((x) => -x),
  abs: unary(Math.abs),
  sign: unary(Math.sign),
  exp: unary(Math.exp),
  expm1: unary(Math.expm1),
  log: unary(Math.log),
  log1p: unary(Math.log1p),
  sqrt: unary(Math.sqrt),
  sin: unary(Math.sin),
  cos: unary(Math.cos),
  tan: unary(Math.tan),
  asin: unary(Math.asin),
  acos: unary(Math.acos),
  atan: unary(Math.atan),
  sinh: unary(Math.sinh),
  cosh: unary(Math.cosh),
  tanh: unary(Math.tanh),
  asinh: unary(Math.asinh),
  atanh: unary(Math.atanh),
  erf: unary(erf),
  floor: unary(Math.floor),
  ceil: unary(Math.ceil),
  round: unary(roundHalfEven),
  sigmoid: unary(sigmoid),
  relu: unary((x) => Math.max(x, 0)),
  isNaN: unary((x) => Number(Number.isNaN(x))),
  signbit: unary((x) => Number(x < 0 || Object.is(x, -0))),
  isFinite: unary((x) => Number(Number.isFinite(x))),
  not: unary((x) => 1 - x),
  cast: ([x], { dtype }) => x!.data.map(storage[dtype].round),
  add: binary((a, b) => a + b),
  sub: binary((a, b) => a - b),
  mul: (inputs, _, shape, dtype) => (dtype === "i32" ? multiplyIntegers : multiply)(inputs, _, shape),
  div: binary((a, b) => a / b),
  pow: binary(power),
  maximum: binary(Math.max),
  minimum: binary(Math.min),
  mod: binary(floorMod),
  atan2: binary(Math.atan2),
  floorDivide: binary(floorQuotient),
  bitAnd: binary((a, b) => a & b),
  bitOr: binary((a, b) => a | b),
  bitXor: binary((a, b) => a ^ b),
  shiftLeft: binary((a, b) => shifted(a, b, true)),
  shiftRight: binary((a, b) => shifted(a, b, false)),
  equal: binary((a, b) => Number(a === b)),
  less: binary((a, b) => Number(a < b)),
  lessEqual: binary((a, b) => Number(a <= b)),
  and: binary((a, b) => a * b),
  or: binary(Math.max),
  where: ([mask, a, b], _, shape) => {
    const result = new Float64Array(sizeOf(shape));
    const [m, p, q] = [mask!, a!, b!].map((x) => offsets(shape, stretched(x.shape, shape)));
    for (let i = 0; i < result.length; i++) result[i] = mask!.data[m![i]!] === 0 ? b!.data[q![i]!]! : a!.data[p![i]!]!;
    return result;
  },
};
