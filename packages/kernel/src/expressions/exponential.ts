// Exponentials, logarithms and functions built from them, in the kernel language. Coefficients of exp, log, sinh, tanh
// and erf are those of the Cephes library (S. Moshier) and of Eigen's rational tanh, to the digits that a float holds;
// the tests state the errors against float64.
import type { Builder, V } from "../language.ts";
import type { Expression } from "./arithmetic.ts";
import { by, c, choose, f, i, mulAdd, polynomial, test, withSign } from "./floats.ts";

/** 2^n for a whole i32 n in [-126, 127]. */
const power2 = (k: Builder, n: V): V => k.apply("float", [i(k, "shl", [i(k, "add", [n, c(127)])], 23)], "f32");

/** y·2^n in two steps, so that results near both ends of the range are right. */
export function scale(k: Builder, y: V, n: V): V {
  const half = i(k, "shrs", [n], 1);
  return f(k, "mul", f(k, "mul", y, power2(k, half)), power2(k, i(k, "sub", [n, half])));
}

const EXP = [1.9875691e-4, 1.39819995e-3, 8.333452e-3, 4.1665796e-2, 1.6666665e-1, 0.5];

/** A small whole float as an i32, by its bits: cheaper than a saturating conversion. */
const whole = (k: Builder, n: V): V => i(k, "sub", [i(k, "bits", [f(k, "add", n, c(1.5 * 2 ** 23))]), c(0x4b400000)]);

const within = (k: Builder, x: V, low: number): V => f(k, "min", f(k, "max", x, c(low)), c(89));

/** n = round(t / ln 2), and e^r - 1 for the rest r. */
function reduced(k: Builder, t: V): { n: V; y: V } {
  const n = f(k, "nearest", f(k, "mul", t, c(1.442695)));
  const r = f(k, "fma", n, c(2.1219444e-4), f(k, "fma", n, c(-0.693359375), t));
  return { n: whole(k, n), y: f(k, "fma", f(k, "mul", polynomial(k, r, EXP), r), r, r) };
}

function exp32(k: Builder, x: V): V {
  const { n, y } = reduced(k, within(k, x, -104));
  return scale(k, f(k, "add", y, c(1)), n);
}

function expm132(k: Builder, x: V): V {
  const { n, y } = reduced(k, within(k, x, -18));
  // 2^n (e^r - 1) + (2^n - 1): exact where n is 0. At the top 2^128 does not exist, so half of it is doubled.
  const half = power2(k, i(k, "sub", [n, c(1)]));
  const sum = f(k, "add", f(k, "mul", half, y), f(k, "sub", half, c(0.5)));
  // A tiny x is its own result (and keeps the sign of zero).
  return choose(k, test(k, "lt", f(k, "abs", x), c(1e-7)), x, f(k, "mul", sum, c(2)));
}

const LOG = [
  7.0376836e-2, -1.151461e-1, 1.16769987e-1, -1.2420141e-1, 1.4249323e-1, -1.6668058e-1, 2.00007148e-1, -2.4999994e-1,
  3.333333e-1,
];

/** x = m·2^n with m in [√½, √2), for positive finite x, subnormal ones included. */
export function split(k: Builder, x: V): { m: V; n: V } {
  const bits = i(k, "bits", [x]);
  // A subnormal number is its bits times 2^-149; arithmetic may flush it to 0.
  const tiny = test(k, "lt", bits, c(0x00800000));
  const normal = choose(k, tiny, k.apply("f32", [bits], "f32"), x);
  const shifted = i(k, "sub", [i(k, "bits", [normal]), c(0x3f3504f3)]);
  const m = k.apply("float", [i(k, "add", [i(k, "and", [shifted, c(0x007fffff)]), c(0x3f3504f3)])], "f32");
  const n = f(k, "add", k.apply("f32", [i(k, "shrs", [shifted], 23)], "f32"), choose(k, tiny, c(-149), c(0)));
  return { m, n };
}

function log32(k: Builder, x: V): V {
  const { m, n } = split(k, x);
  const t = f(k, "sub", m, c(1));
  const z = f(k, "mul", t, t);
  let y = f(k, "mul", f(k, "mul", polynomial(k, t, LOG, mulAdd), t), z);
  y = mulAdd(k, n, c(-2.1219444e-4), y);
  y = mulAdd(k, z, c(-0.5), y);
  y = mulAdd(k, n, c(0.693359375), f(k, "add", t, y));
  // 0, negative numbers, infinity, NaN: told apart by their bits.
  const bits = i(k, "bits", [x]);
  const special = choose(k, test(k, "lt", bits, c(0)), c(NaN), x);
  const inside = k.apply("and", [test(k, "gt", bits, c(0)), test(k, "lt", bits, c(0x7f800000))], "bool");
  const zero = test(k, "eq", i(k, "shl", [bits], 1), c(0));
  return choose(k, inside, y, choose(k, zero, c(-Infinity), special));
}

/** log(1 + x): the rounding error of 1 + x is corrected by the quotient x / ((1 + x) - 1) (W. Kahan). */
function log1p32(k: Builder, x: V): V {
  const u = f(k, "add", x, c(1));
  const y = f(k, "mul", f(k, "div", log32(k, u), f(k, "sub", u, c(1))), x);
  const whole = k.apply("or", [test(k, "eq", u, c(1)), test(k, "eq", x, c(Infinity))], "bool");
  const low = choose(k, test(k, "eq", u, c(0)), c(-Infinity), y);
  return choose(k, whole, x, low);
}

/** A rational function of x, which passes 1 at about 9.2 and is cut off there. */
function tanh32(k: Builder, x: V): V {
  const t = f(k, "min", f(k, "max", x, c(-10)), c(10));
  const z = f(k, "mul", t, t);
  const p = polynomial(
    k,
    z,
    [-2.76076848e-16, 2.000188e-13, -8.604672e-11, 5.1222971e-8, 1.48572236e-5, 6.3726193e-4, 4.8935246e-3],
  );
  const q = polynomial(k, z, [1.1982584e-6, 1.1853471e-4, 2.26843463e-3, 4.893525e-3]);
  const y = f(k, "min", f(k, "max", f(k, "div", f(k, "mul", t, p), q), c(-1)), c(1));
  return choose(k, test(k, "lt", f(k, "abs", x), c(4e-4)), x, y);
}

/** e^|x| / 2 in two factors, which do not overflow before the result does. */
function halves(k: Builder, x: V): { h: V; q: V } {
  const h = exp32(k, f(k, "mul", f(k, "abs", x), c(0.5)));
  return { h, q: f(k, "mul", f(k, "mul", h, c(0.5)), h) };
}

function sinh32(k: Builder, x: V): V {
  const z = f(k, "mul", x, x);
  const small = f(k, "fma", f(k, "mul", polynomial(k, z, [2.0372191e-4, 8.330284e-3, 1.6666716e-1]), z), x, x);
  const { q } = halves(k, x);
  const large = f(k, "sub", q, f(k, "div", k.const(0.25, "f32"), q));
  return choose(k, test(k, "lt", f(k, "abs", x), c(1)), small, withSign(k, large, x));
}

function cosh32(k: Builder, x: V): V {
  const { q } = halves(k, x);
  return f(k, "add", q, f(k, "div", k.const(0.25, "f32"), q));
}

function asinh32(k: Builder, x: V): V {
  const a = f(k, "abs", x);
  const z = f(k, "mul", a, a);
  const root = f(k, "add", f(k, "sqrt", f(k, "add", z, c(1))), c(1));
  const small = log1p32(k, f(k, "add", a, f(k, "div", z, root)));
  const large = f(k, "add", log32(k, a), c(0.6931472));
  const y = withSign(k, choose(k, test(k, "lt", a, c(1e9)), small, large), x);
  return choose(k, test(k, "lt", a, c(1e-4)), x, y);
}

function atanh32(k: Builder, x: V): V {
  const a = f(k, "abs", x);
  const y = f(k, "mul", log1p32(k, f(k, "div", f(k, "add", a, a), f(k, "sub", k.const(1, "f32"), a))), c(0.5));
  const inside = choose(k, test(k, "le", a, c(1)), withSign(k, y, x), c(NaN));
  return choose(k, test(k, "lt", a, c(1e-4)), x, inside);
}

const ERF = [7.8538614e-5, -8.0101936e-4, 5.1883277e-3, -2.6853812e-2, 1.12835851e-1, -3.7612626e-1, 1.128379166];
const ERFC_NEAR = [
  2.32682e-2, -1.3870394e-1, 3.6874247e-1, -5.824733e-1, 6.2100046e-1, -4.9445153e-1, 3.40488e-1, -2.741127e-1,
  5.6382594e-1,
];
const ERFC_FAR = [-1.0477664e1, 1.29772e1, -7.4955187, 2.921019, -1.01526528, 4.2184634e-1, -2.8207674e-1, 5.641895e-1];

function erf32(k: Builder, x: V): V {
  const a = f(k, "abs", x);
  const z = f(k, "mul", x, x);
  const small = f(k, "mul", x, polynomial(k, z, ERF));
  const t = f(k, "min", a, c(10));
  const w = f(k, "div", k.const(1, "f32"), f(k, "mul", t, t));
  const tail = choose(k, test(k, "lt", t, c(2)), polynomial(k, w, ERFC_NEAR), polynomial(k, w, ERFC_FAR));
  const erfc = f(k, "mul", f(k, "div", exp32(k, f(k, "neg", f(k, "mul", t, t))), t), tail);
  const large = withSign(k, f(k, "sub", k.const(1, "f32"), erfc), x);
  return choose(k, test(k, "lt", a, c(1)), small, choose(k, test(k, "le", a, c(Infinity)), large, x));
}

const exp = by("exp", exp32);

export const exponential = {
  exp,
  expm1: by("expm1", expm132),
  log: by("log", log32),
  log1p: by("log1p", log1p32),
  tanh: by("tanh", tanh32),
  sinh: by("sinh", sinh32),
  cosh: by("cosh", cosh32),
  asinh: by("asinh", asinh32),
  atanh: by("atanh", atanh32),
  erf: by("erf", erf32),
  /** 1 / (1 + e^-x), below 0 as e^x / (1 + e^x), which does not overflow. */
  sigmoid: (k, [x]) => {
    const t = k.type(x!);
    const e = exp(k, [k.apply("neg", [k.apply("abs", [x!], t)], t)]);
    const above = k.apply("select", [test(k, "lt", x!, c(0)), e, k.const(1, t)], t);
    return k.apply("div", [above, k.apply("add", [e, c(1)], t)], t);
  },
} satisfies Record<string, Expression>;
