// Helpers for single-precision formulas: arithmetic on f32 and i32 values, polynomials, choices.
import type { Builder, Fn, V } from "../language.ts";
import type { Expression } from "./arithmetic.ts";

export type Arg = V | { readonly const: number };
/** A constant of the type of the other operands. */
export const c = (value: number): { readonly const: number } => ({ const: value });

export const f = (k: Builder, fn: Fn, ...args: readonly Arg[]): V => k.apply(fn, args, "f32");
export const i = (k: Builder, fn: Fn, args: readonly Arg[], imm = 0): V => k.apply(fn, args, "i32", imm);
export const test = (k: Builder, fn: Fn, ...args: readonly Arg[]): V => k.apply(fn, args, "bool");
/** `a` where the mask is set, else `b`. */
export const choose = (k: Builder, mask: V, a: Arg, b: Arg): V => {
  const value = (x: Arg): V => (typeof x === "number" ? x : k.const(x.const, "f32"));
  return k.apply("select", [mask, value(a), value(b)], "f32");
};

type Madd = (k: Builder, a: Arg, b: Arg, c: Arg) => V;
/** a·b + c, rounded once if the machine has a fused multiply-add for four lanes, else twice. */
const fused: Madd = (k, a, b, c) => f(k, "fma", a, b, c);
/** a·b + c rounded twice: the same bits in every engine, as random numbers need. */
export const mulAdd: Madd = (k, a, b, c) => f(k, "add", f(k, "mul", a, b), c);

/** Evaluates a polynomial, highest coefficient first, by Horner's rule. */
export const polynomial = (k: Builder, x: V, coefficients: readonly number[], madd = fused): V =>
  coefficients.slice(1).reduce((p, a) => madd(k, p, x, c(a)), k.const(coefficients[0]!, "f32"));

/** |x| with the sign bit of `like`. */
export const withSign = (k: Builder, x: V, like: V): V =>
  k.apply(
    "float",
    [
      i(k, "or", [
        i(k, "and", [i(k, "bits", [x]), c(0x7fffffff)]),
        i(k, "and", [i(k, "bits", [like]), c(-0x80000000)]),
      ]),
    ],
    "f32",
  );

/** The upper 12 bits of the mantissa: products of two such numbers are exact. */
export const upper = (k: Builder, x: V): V => k.apply("float", [i(k, "and", [i(k, "bits", [x]), c(-4096)])], "f32");

/** `slow` where the mask is set, else `fast`; a `masked` function in `slow` runs only there. */
export const rescue = (k: Builder, far: V, fn: Fn, args: readonly V[], fast: V): V =>
  k.apply("select", [far, k.apply(fn, [far, ...args], k.type(fast)), fast], k.type(fast));

/** In single precision a formula of the language, in double precision a call. */
export const by =
  (name: Fn, form: (k: Builder, x: V) => V): Expression =>
  (k, [x]) =>
    k.type(x!) === "f32" ? form(k, x!) : k.apply(name, [x!], "f64");
