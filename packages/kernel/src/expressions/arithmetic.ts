// Arithmetic, comparisons and conversions in the kernel language. Tests for NaN and infinity work on bits: WGSL may
// assume that neither exists.
import type { DType } from "@weft/tensor";
import { dtypeInfo, isStorage } from "@weft/tensor/internals";
import type { Builder, Scalar, V } from "../language.ts";
import { c, f, rescue, test, upper } from "./floats.ts";
import { modIntegers } from "./integers.ts";

/** One elementwise primitive in the kernel language. `attrs` are its attributes (the dtype of a cast). */
export type Expression = (k: Builder, args: readonly V[], attrs?: { readonly dtype: DType }) => V;

const EXPONENT = 0x7f800000;
const MAGNITUDE = 0x7fffffff;

const isFloat = (k: Builder, x: V): boolean => k.type(x) === "f32" || k.type(x) === "f64";

const isNaNAt = (k: Builder, x: V): V =>
  k.type(x) === "f32"
    ? k.apply("gt", [k.apply("and", [k.apply("bits", [x], "i32"), c(MAGNITUDE)], "i32"), c(EXPONENT)], "bool")
    : k.apply("ne", [x, x], "bool");

const isFiniteAt = (k: Builder, x: V): V =>
  k.type(x) === "f32"
    ? k.apply("lt", [k.apply("and", [k.apply("bits", [x], "i32"), c(MAGNITUDE)], "i32"), c(EXPONENT)], "bool")
    : k.apply("lt", [k.apply("abs", [x], "f64"), c(Infinity)], "bool");

/** By bits where possible: a comparison takes -0 for 0. */
function signbitAt(k: Builder, x: V): V {
  const negative = test(k, "lt", x, c(0));
  if (k.type(x) === "f32")
    return k.apply(
      "and",
      [k.apply("lt", [k.apply("bits", [x], "i32"), c(0)], "bool"), k.apply("not", [isNaNAt(k, x)], "bool")],
      "bool",
    );
  if (k.type(x) === "i32") return negative;
  const upsideDown = k.apply("div", [k.const(1, "f64"), x], "f64");
  return k.apply("or", [negative, test(k, "lt", upsideDown, c(0))], "bool");
}

const same =
  (fn: Parameters<Builder["apply"]>[0]): Expression =>
  (k, args) =>
    k.apply(fn, args, k.type(args[0]!));
const compare =
  (fn: "eq" | "lt" | "le"): Expression =>
  (k, args) =>
    k.apply(fn, ordered(k, args), "bool");
const rounding =
  (fn: "floor" | "ceil" | "nearest"): Expression =>
  (k, [x]) =>
    isFloat(k, x!) ? k.apply(fn, [x!], k.type(x!)) : x!;
/** Comparisons of masks compare the numbers 0 and 1. */
const ordered = (k: Builder, args: readonly V[]): readonly V[] =>
  args.map((a) => (k.type(a) === "bool" ? k.apply("i32", [a], "i32") : a));

/**
 * Subtracts the nearest multiple of b, exactly, for values below 2^10 times b: the 12-bit halves of b keep products and
 * differences exact with and without fused multiply-adds.
 */
function nearRemainder(k: Builder, a: V, b: V): V {
  const q = f(k, "nearest", f(k, "div", a, b));
  const size = f(k, "abs", b);
  const usual = k.apply("and", [test(k, "ge", size, c(2 ** -100)), test(k, "lt", size, c(2 ** 126))], "bool");
  const far = k.apply("not", [k.apply("and", [usual, test(k, "le", f(k, "abs", q), c(1024))], "bool")], "bool");
  const high = upper(k, b);
  const r = f(k, "sub", f(k, "sub", a, f(k, "mul", q, high)), f(k, "mul", q, f(k, "sub", b, high)));
  return rescue(k, far, "rem", [a, b], r);
}

/** The remainder with the sign of the divisor, also for 0, as in Python. */
const mod: Expression = (k, [a, b]) => {
  const t = k.type(a!);
  if (t === "i32") return modIntegers(k, a!, b!);
  const inside = (): V => test(k, "lt", k.apply("abs", [a!], t), k.apply("abs", [b!], t));
  const r = t === "f32" ? nearRemainder(k, a!, b!) : rescue(k, k.apply("not", [inside()], "bool"), "rem", [a!, b!], a!);
  const below = test(k, "lt", b!, c(0));
  const crosses = k.apply("xor", [test(k, "lt", r, c(0)), below], "bool");
  // By bits where possible: a GPU driver may confuse 0 and -0 in a select.
  const zero =
    t === "f32"
      ? k.apply("float", [k.apply("and", [k.apply("bits", [b!], "i32"), c(-0x80000000)], "i32")], t)
      : k.apply("select", [below, k.const(-0, t), k.const(0, t)], t);
  const signed = k.apply("select", [crosses, k.apply("add", [r, b!], t), r], t);
  return k.apply("select", [test(k, "eq", r, c(0)), zero, signed], t);
};

const sign: Expression = (k, [x]) => {
  const t = k.type(x!);
  const negative = k.apply("select", [k.apply("lt", [x!, c(0)], "bool"), k.const(-1, t), x!], t);
  return k.apply("select", [k.apply("gt", [x!, c(0)], "bool"), k.const(1, t), negative], t);
};

const toType = (k: Builder, x: V, to: Scalar): V =>
  k.type(x) === to ? x : k.apply(to as "f32" | "f64" | "i32" | "bool", [x], to);

/**
 * The f32 next to x toward zero, with its last bit set if x lies behind it. Rounded to fewer bits, or to an integer toward
 * zero, it gives what x itself would: the nearest f32 may be a tie, or an integer, where x is none.
 */
function towardOdd(k: Builder, x: V): V {
  const near = toType(k, x, "f32");
  const back = toType(k, near, k.type(x));
  const inexact = test(k, "ne", back, x);
  const beyond = k.apply("xor", [test(k, "gt", back, x), test(k, "lt", x, c(0))], "bool");
  const away = toType(k, k.apply("and", [inexact, beyond], "bool"), "i32");
  const bits = k.apply("sub", [k.apply("bits", [near], "i32"), away], "i32");
  return k.apply("float", [k.apply("or", [bits, toType(k, inexact, "i32")], "i32")], "f32");
}

/** Whether an f32 between x and a storage type may be rounded so that the second rounding is wrong. */
const roundsTwice = (from: Scalar, to: DType): boolean =>
  (from === "f64" && isStorage(to)) || (from === "i32" && to === "bf16"); // f16 and u8 end where f32 has all integers

const cast: Expression = (k, [x], attrs) => {
  const { dtype } = attrs!;
  return roundsTwice(k.type(x!), dtype) ? towardOdd(k, x!) : toType(k, x!, dtypeInfo[dtype].compute);
};

export const arithmetic = {
  neg: same("neg"),
  abs: same("abs"),
  sign,
  sqrt: same("sqrt"),
  floor: rounding("floor"),
  ceil: rounding("ceil"),
  round: rounding("nearest"),
  relu: (k, [x]) => k.apply("max", [x!, c(0)], k.type(x!)),
  isNaN: (k, [x]) => (isFloat(k, x!) ? isNaNAt(k, x!) : k.const(0, "bool")),
  signbit: (k, [x]) => signbitAt(k, x!),
  isFinite: (k, [x]) => (isFloat(k, x!) ? isFiniteAt(k, x!) : k.const(1, "bool")),
  not: (k, [x]) => k.apply("not", [toType(k, x!, "bool")], "bool"),
  cast,
  add: same("add"),
  sub: same("sub"),
  mul: same("mul"),
  div: same("div"),
  maximum: same("max"),
  minimum: same("min"),
  mod,
  equal: compare("eq"),
  less: compare("lt"),
  lessEqual: compare("le"),
  and: (k, [a, b]) => k.apply("and", [toType(k, a!, "bool"), toType(k, b!, "bool")], "bool"),
  or: (k, [a, b]) => k.apply("or", [toType(k, a!, "bool"), toType(k, b!, "bool")], "bool"),
  where: (k, [m, a, b]) => k.apply("select", [toType(k, m!, "bool"), a!, b!], k.type(a!)),
} satisfies Record<string, Expression>;
