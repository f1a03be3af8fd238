// Derivatives of the elementwise primitives. At a kink it is the subgradient named in the comment beside it.
import {
  add,
  and,
  cos,
  cosh,
  div,
  equal,
  exp,
  less,
  lessEqual,
  log,
  mul,
  neg,
  pow,
  round,
  sign,
  sin,
  sinh,
  sqrt,
  square,
  sub,
  where,
  type Tensor,
  type Value,
} from "@weft/tensor";
import { none, type Family } from "../rule.ts";

/** v², also for a plain number. */
const squared = (v: Value): Value => (typeof v === "number" ? v * v : square(v));
/** a² + b², at least one of which is a tensor. */
const radius = (a: Value, b: Value): Tensor => add(squared(a), squared(b));

/** g·b·a^(b−1); b = 0 gives 0, at a = 0 as well. */
function powBase(g: Tensor, a: Value, b: Value): Tensor {
  if (typeof b === "number") return b === 0 ? mul(g, 0) : mul(g, mul(pow(a, b - 1), b));
  return mul(g, mul(b, pow(a, where(equal(b, 0), 1, sub(b, 1)))));
}

/** g·y·log a; a = 0 gives 0 where b ≥ 0, as the limit from b > 0, and −∞ where b < 0. */
function powExponent(g: Tensor, y: Tensor, a: Value, b: Value): Tensor {
  if (typeof a === "number") return mul(g, mul(y, a === 0 ? where(lessEqual(0, b), 0, -Infinity) : Math.log(a)));
  return mul(g, mul(y, log(where(and(equal(a, 0), lessEqual(0, b)), 1, a))));
}

/** g where the operand was chosen (`over`), half of it in a tie (and where one operand is NaN, all of it). */
const chosen = (g: Tensor, under: Tensor, a: Value, b: Value): Tensor =>
  where(under, 0, where(equal(a, b), mul(g, 0.5), g));

export const elementwise: Family<
  | ("neg" | "abs" | "sign" | "exp" | "expm1" | "log" | "log1p" | "sqrt" | "sin" | "cos" | "tan" | "asin" | "acos")
  | ("atan" | "sinh" | "cosh" | "tanh" | "asinh" | "atanh" | "erf" | "floor" | "ceil" | "round" | "sigmoid" | "relu")
  | ("isNaN" | "isFinite" | "not" | "cast" | "add" | "sub" | "mul" | "div" | "pow" | "maximum" | "minimum" | "mod")
  | ("signbit" | "floorDivide" | "bitAnd" | "bitOr" | "bitXor" | "shiftLeft" | "shiftRight")
  | ("atan2" | "equal" | "less" | "lessEqual" | "and" | "or" | "where")
> = {
  neg: () => [(g) => neg(g)],
  abs: (_, x) => [(g) => mul(g, sign(x))], // 0 at 0
  sign: none,
  exp: (y) => [(g) => mul(g, y)],
  expm1: (_, x) => [(g) => mul(g, exp(x))],
  log: (_, x) => [(g) => div(g, x)],
  log1p: (_, x) => [(g) => div(g, add(x, 1))],
  sqrt: (y) => [(g) => div(mul(g, 0.5), y)],
  sin: (_, x) => [(g) => mul(g, cos(x))],
  cos: (_, x) => [(g) => mul(g, neg(sin(x)))],
  tan: (y) => [(g) => mul(g, add(square(y), 1))],
  asin: (_, x) => [(g) => div(g, sqrt(sub(1, square(x))))],
  acos: (_, x) => [(g) => neg(div(g, sqrt(sub(1, square(x)))))],
  atan: (_, x) => [(g) => div(g, add(square(x), 1))],
  sinh: (_, x) => [(g) => mul(g, cosh(x))],
  cosh: (_, x) => [(g) => mul(g, sinh(x))],
  tanh: (y) => [(g) => mul(g, sub(1, square(y)))],
  asinh: (_, x) => [(g) => div(g, sqrt(add(square(x), 1)))],
  atanh: (_, x) => [(g) => div(g, sub(1, square(x)))],
  erf: (_, x) => [(g) => mul(g, mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI)))],
  floor: none,
  ceil: none,
  round: none,
  sigmoid: (y) => [(g) => mul(g, mul(y, sub(1, y)))],
  relu: (y) => [(g) => where(less(0, y), g, 0)], // 0 at 0
  isNaN: none,
  signbit: none,
  isFinite: none,
  not: none,
  cast: () => [(g) => g],

  add: () => [(g) => g, (g) => g],
  sub: () => [(g) => g, (g) => neg(g)],
  mul: (_, a, b) => [(g) => mul(g, b), (g) => mul(g, a)],
  div: (y, _, b) => [(g) => div(g, b), (g) => neg(mul(g, div(y, b)))],
  pow: (y, a, b) => [(g) => powBase(g, a, b), (g) => powExponent(g, y, a, b)],
  maximum: (_, a, b) => [(g) => chosen(g, less(a, b), a, b), (g) => chosen(g, less(b, a), a, b)],
  minimum: (_, a, b) => [(g) => chosen(g, less(b, a), a, b), (g) => chosen(g, less(a, b), a, b)],
  mod: (y, a, b) => [(g) => g, (g) => neg(mul(g, round(div(sub(a, y), b))))],
  atan2: (_, a, b) => [(g) => mul(g, div(b, radius(a, b))), (g) => neg(mul(g, div(a, radius(a, b))))],
  floorDivide: none,
  bitAnd: none,
  bitOr: none,
  bitXor: none,
  shiftLeft: none,
  shiftRight: none,
  equal: none,
  less: none,
  lessEqual: none,
  and: none,
  or: none,
  where: (_, mask) => [undefined, (g) => where(mask, g, 0), (g) => where(mask, 0, g)],
};
