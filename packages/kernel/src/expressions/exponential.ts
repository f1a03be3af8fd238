// Exponentials and what is made of them, in the kernel language.
import type { Builder, V } from "../language.ts";
import { c, type Expression } from "./arithmetic.ts";

type Arg = V | { readonly const: number };
const f = (k: Builder, fn: Parameters<Builder["apply"]>[0], ...args: readonly Arg[]): V => k.apply(fn, args, "f32");
const i = (k: Builder, fn: Parameters<Builder["apply"]>[0], args: readonly Arg[], imm = 0): V => k.apply(fn, args, "i32", imm);

/** Evaluates a polynomial, highest coefficient first, by Horner's rule. */
const polynomial = (k: Builder, x: V, coefficients: readonly number[]): V =>
  coefficients.slice(1).reduce((p, a) => f(k, "fma", p, x, c(a)), k.const(coefficients[0]!, "f32"));

/** 2^n for an integral float n in [-126, 127]. */
const power2 = (k: Builder, n: V): V => k.apply("float", [i(k, "shl", [i(k, "add", [n, c(127)])], 23)], "f32");

/** exp in single precision: n = round(x / ln 2), a polynomial on the rest (Cephes expf), scaled in two steps. */
function exp32(k: Builder, x: V): V {
  const t = f(k, "min", f(k, "max", x, c(-104)), c(89));
  const n = f(k, "nearest", f(k, "mul", t, c(1.44269504088896341)));
  const r = f(k, "fma", n, c(2.1219444e-4), f(k, "fma", n, c(-0.693359375), t));
  const p = polynomial(k, r, [1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1]);
  const y = f(k, "add", f(k, "fma", f(k, "mul", p, r), r, r), c(1));
  const whole = i(k, "i32", [n]);
  const half = i(k, "shrs", [whole], 1);
  return f(k, "mul", f(k, "mul", y, power2(k, half)), power2(k, i(k, "sub", [whole, half])));
}

/** log in single precision: exponent and mantissa apart, a polynomial on the mantissa (Cephes logf). */
function log32(k: Builder, x: V): V {
  const tiny = k.apply("lt", [x, c(1.17549435e-38)], "bool");
  const scaled = k.apply("select", [tiny, f(k, "mul", x, c(2 ** 23)), x], "f32");
  const bits = i(k, "bits", [scaled]);
  // m in [sqrt(1/2), sqrt(2)): the exponent is taken relative to the bits of sqrt(1/2).
  const shifted = i(k, "sub", [bits, c(0x3f3504f3)]);
  const e = i(k, "shrs", [shifted], 23);
  const m = k.apply("float", [i(k, "add", [i(k, "and", [shifted, c(0x007fffff)]), c(0x3f3504f3)])], "f32");
  const n = f(k, "add", k.apply("f32", [e], "f32"), k.apply("select", [tiny, k.const(-23, "f32"), k.const(0, "f32")], "f32"));
  const t = f(k, "sub", m, c(1));
  const z = f(k, "mul", t, t);
  const p = polynomial(k, t, [7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1]);
  let y = f(k, "mul", f(k, "mul", p, t), z);
  y = f(k, "fma", n, c(-2.12194440e-4), y);
  y = f(k, "fma", z, c(-0.5), y);
  y = f(k, "fma", n, c(0.693359375), f(k, "add", t, y));
  const special = k.apply("select", [k.apply("lt", [x, c(0)], "bool"), k.const(NaN, "f32"), x], "f32");
  const zero = k.apply("select", [k.apply("eq", [x, c(0)], "bool"), k.const(-Infinity, "f32"), special], "f32");
  const inside = k.apply("and", [k.apply("gt", [x, c(0)], "bool"), k.apply("lt", [x, c(Infinity)], "bool")], "bool");
  return k.apply("select", [inside, y, zero], "f32");
}

/** tanh in single precision: a rational function on [-9, 9]. */
function tanh32(k: Builder, x: V): V {
  const t = f(k, "min", f(k, "max", x, c(-7.90531110763549805)), c(7.90531110763549805));
  const z = f(k, "mul", t, t);
  const p = polynomial(k, z, [-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-8, 1.48572235717979e-5, 6.37261928875436e-4, 4.89352455891786e-3]);
  const q = polynomial(k, z, [1.19825839466702e-6, 1.18534705686654e-4, 2.26843463243900e-3, 4.89352518554385e-3]);
  return f(k, "div", f(k, "mul", t, p), q);
}

/** The single-precision form in the language, the double-precision one a call. */
const by = (name: "exp" | "log" | "tanh", form: (k: Builder, x: V) => V): Expression => (k, [x]) =>
  k.type(x!) === "f32" ? form(k, x!) : k.apply(name, [x!], "f64");

const exp = by("exp", exp32);

export const exponential = {
  exp,
  log: by("log", log32),
  tanh: by("tanh", tanh32),
  sigmoid: (k, [x]) => {
    const t = k.type(x!);
    const e = exp(k, [k.apply("neg", [x!], t)]);
    return k.apply("div", [k.const(1, t), k.apply("add", [e, c(1)], t)], t);
  },
} satisfies Record<string, Expression>;
