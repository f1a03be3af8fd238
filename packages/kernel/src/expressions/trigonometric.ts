// Circular functions in the kernel language, with the reductions and coefficients of the Cephes library (S. Moshier),
// to the digits that a float holds.
import type { Builder, V } from "../language.ts";
import type { Expression } from "./arithmetic.ts";
import { by, c, choose, f, i, mulAdd, polynomial, rescue, test, withSign } from "./floats.ts";

const SIN = [-1.9515296e-4, 8.332161e-3, -1.6666655e-1];
const COS = [2.4433157e-5, -1.3887316e-3, 4.1666646e-2];
const TAN = [9.385402e-3, 3.1199223e-3, 2.4430135e-2, 5.341128e-2, 1.33388e-1, 3.3333157e-1];
const ASIN = [4.21632e-2, 2.418131105e-2, 4.5470026e-2, 7.4953003e-2, 1.6666752e-1];
const ATAN = [8.0537445e-2, -1.3877686e-1, 1.9977711e-1, -3.333295e-1];

/**
 * Subtracts the nearest multiple n of π/2, which is in four parts: n times each of the first three is exact below
 * `FAR`.
 */
function quarter(k: Builder, x: V): { r: V; n: V } {
  const n = f(k, "nearest", f(k, "mul", x, c(0.63661977)));
  let r = x;
  for (const part of [1.5703125, 4.837513e-4, 7.5495336e-8, 2.563344e-12]) r = mulAdd(k, n, c(-part), r);
  const far = test(k, "ge", f(k, "abs", x), c(FAR));
  return { r: rescue(k, far, "rest", [x], r), n: i(k, "i32", [rescue(k, far, "turns", [x], n)]) };
}
/** The largest angle for which the parts above are exact without fused multiply-adds. */
const FAR = 8192;
/** An angle so small that it is its own sine and tangent (and keeps the sign of zero). */
const near = (k: Builder, x: V): V => test(k, "lt", f(k, "abs", x), c(2 ** -12));

const sinOn = (k: Builder, r: V, z: V): V => mulAdd(k, f(k, "mul", polynomial(k, z, SIN, mulAdd), z), r, r);
const cosOn = (k: Builder, z: V): V =>
  f(k, "add", mulAdd(k, f(k, "mul", polynomial(k, z, COS, mulAdd), z), z, f(k, "mul", z, c(-0.5))), c(1));

/** sin of x + turn·π/2. */
function wave(k: Builder, x: V, turn: number): V {
  const { r, n } = quarter(k, x);
  const q = i(k, "add", [n, c(turn)]);
  const z = f(k, "mul", r, r);
  const y = choose(k, test(k, "eq", i(k, "and", [q, c(1)]), c(0)), sinOn(k, r, z), cosOn(k, z));
  const signed = choose(k, test(k, "eq", i(k, "and", [q, c(2)]), c(0)), y, f(k, "neg", y));
  const finite = choose(k, test(k, "lt", f(k, "abs", x), c(Infinity)), signed, c(NaN));
  return turn === 0 ? choose(k, near(k, x), x, finite) : finite;
}

function tan32(k: Builder, x: V): V {
  const { r, n } = quarter(k, x);
  const z = f(k, "mul", r, r);
  const t = f(k, "fma", f(k, "mul", polynomial(k, z, TAN), z), r, r);
  const y = choose(k, test(k, "eq", i(k, "and", [n, c(1)]), c(0)), t, f(k, "div", k.const(-1, "f32"), t));
  return choose(k, near(k, x), x, choose(k, test(k, "lt", f(k, "abs", x), c(Infinity)), y, c(NaN)));
}

/** asin of |x| in two ranges: from the half-angle above ½. */
function arc(k: Builder, x: V): { big: V; y: V } {
  const a = f(k, "abs", x);
  const big = test(k, "gt", a, c(0.5));
  const z = choose(k, big, f(k, "mul", f(k, "sub", k.const(1, "f32"), a), c(0.5)), f(k, "mul", a, a));
  const s = choose(k, big, f(k, "sqrt", z), a);
  return { big, y: f(k, "fma", f(k, "mul", polynomial(k, z, ASIN), z), s, s) };
}

function asin32(k: Builder, x: V): V {
  const { big, y } = arc(k, x);
  return withSign(k, choose(k, big, f(k, "fma", y, c(-2), c(1.57079633)), y), x);
}

function acos32(k: Builder, x: V): V {
  const { big, y } = arc(k, x);
  const twice = f(k, "add", y, y);
  const far = choose(k, test(k, "lt", x, c(0)), f(k, "sub", k.const(3.1415927, "f32"), twice), twice);
  return choose(k, big, far, f(k, "sub", k.const(1.57079633, "f32"), withSign(k, y, x)));
}

/** atan of a number in [0, 1]. */
function atanUnit(k: Builder, a: V): V {
  const big = test(k, "gt", a, c(0.41421356));
  const t = choose(k, big, f(k, "div", f(k, "sub", a, c(1)), f(k, "add", a, c(1))), a);
  const z = f(k, "mul", t, t);
  const y = f(k, "fma", f(k, "mul", polynomial(k, z, ATAN), z), t, t);
  return choose(k, big, f(k, "add", y, c(0.7853982)), y);
}

function atan32(k: Builder, x: V): V {
  const a = f(k, "abs", x);
  const big = test(k, "gt", a, c(1));
  const y = atanUnit(k, choose(k, big, f(k, "div", k.const(1, "f32"), a), a));
  return withSign(k, choose(k, big, f(k, "sub", k.const(1.57079633, "f32"), y), y), x);
}

function atan232(k: Builder, y: V, x: V): V {
  const [a, b] = [f(k, "abs", y), f(k, "abs", x)];
  const steep = test(k, "gt", a, b);
  const [low, high] = [f(k, "min", a, b), f(k, "max", a, b)];
  // 0/0 is 0, infinity/infinity is 1; a NaN stays one.
  const quotient = choose(k, test(k, "eq", high, c(0)), c(0), f(k, "div", low, high));
  const t = atanUnit(k, choose(k, test(k, "eq", low, c(Infinity)), c(1), quotient));
  const upright = choose(k, steep, f(k, "sub", k.const(1.57079633, "f32"), t), t);
  const left = test(k, "lt", i(k, "bits", [x]), c(0));
  const angle = choose(k, left, f(k, "sub", k.const(3.1415927, "f32"), upright), upright);
  const either = f(k, "add", a, b);
  return choose(k, test(k, "ne", either, either), either, withSign(k, angle, y));
}

export const trigonometric = {
  sin: by("sin", (k, x) => wave(k, x, 0)),
  cos: by("cos", (k, x) => wave(k, x, 1)),
  tan: by("tan", tan32),
  asin: by("asin", asin32),
  acos: by("acos", acos32),
  atan: by("atan", atan32),
  atan2: (k, [y, x]) => (k.type(y!) === "f32" ? atan232(k, y!, x!) : k.apply("atan2", [y!, x!], "f64")),
} satisfies Record<string, Expression>;
