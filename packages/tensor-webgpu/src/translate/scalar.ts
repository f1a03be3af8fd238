// The functions of the kernel language as WGSL text, by the type of their operands. WGSL may assume that there is no
// NaN and no infinity: whatever depends on them is decided on bits.
import type { Fn, Scalar } from "@weft/kernel";

/** Writes the application of a function. Arguments are names of values. */
type Rule = (args: readonly string[], imm: number) => string;
type Rules = { readonly [F in Fn]?: Rule };

export const wgslType = { f32: "f32", i32: "i32", bool: "bool" } as const;
/** What a register can hold here: there is no f64. */
export type Register = keyof typeof wgslType;

const isRegister = (s: Scalar): s is Register => s in wgslType;

const infix =
  (operator: string): Rule =>
  ([a, b]) =>
    `${a} ${operator} ${b}`;
const call =
  (name: string): Rule =>
  (args) =>
    `${name}(${args.join(", ")})`;
const same: Rule = ([a]) => a!;

const float: Rules = {
  add: infix("+"),
  sub: infix("-"),
  mul: infix("*"),
  div: call("w_div"),
  neg: ([a]) => `-${a}`,
  abs: call("abs"),
  min: call("w_min"),
  max: call("w_max"),
  sqrt: call("sqrt"),
  floor: call("floor"),
  ceil: call("ceil"),
  trunc: call("trunc"),
  nearest: call("round"),
  fma: call("fma"),
  eq: call("w_eq"),
  ne: ([a, b]) => `!w_eq(${a}, ${b})`,
  lt: call("w_lt"),
  le: call("w_le"),
  gt: ([a, b]) => `w_lt(${b}, ${a})`,
  ge: ([a, b]) => `w_le(${b}, ${a})`,
  bits: call("bitcast<i32>"),
  f32: same,
  i32: call("w_int"),
  bool: call("w_true"),
};

const int: Rules = {
  add: infix("+"),
  sub: infix("-"),
  mul: infix("*"),
  neg: ([a]) => `-${a}`,
  abs: call("abs"),
  min: call("min"),
  max: call("max"),
  fma: ([a, b, c]) => `${a} * ${b} + ${c}`,
  idiv: call("w_idiv"),
  irem: call("w_irem"),
  shl: ([a], by) => `${a} << ${by}u`,
  shrs: ([a], by) => `${a} >> ${by}u`,
  shru: ([a], by) => `bitcast<i32>(bitcast<u32>(${a}) >> ${by}u)`,
  eq: infix("=="),
  ne: infix("!="),
  lt: infix("<"),
  le: infix("<="),
  gt: infix(">"),
  ge: infix(">="),
  not: ([a]) => `~${a}`,
  and: infix("&"),
  or: infix("|"),
  xor: infix("^"),
  float: call("bitcast<f32>"),
  f32: call("f32"),
  i32: same,
  bool: ([a]) => `${a} != 0i`,
};

const mask: Rules = {
  min: infix("&"),
  max: infix("|"),
  eq: infix("=="),
  ne: infix("!="),
  lt: ([a, b]) => `!${a} & ${b}`,
  le: ([a, b]) => `!${a} | ${b}`,
  gt: ([a, b]) => `${a} & !${b}`,
  ge: ([a, b]) => `${a} | !${b}`,
  not: ([a]) => `!${a}`,
  and: infix("&"),
  or: infix("|"),
  xor: infix("!="),
  f32: call("f32"),
  i32: call("i32"),
  bool: same,
  rem: call("w_rem"),
  turns: call("w_turns"),
  rest: call("w_rest"),
};

const rules: Record<Register, Rules> = { f32: float, i32: int, bool: mask };

/** Names what WGSL lacks. */
const unsupported = (what: string): never => {
  throw new TypeError(`translate: WGSL has no ${what}`);
};

export const registerOf = (s: Scalar): Register => (isRegister(s) ? s : unsupported(s));

/** `fn` of values of type `of` (for `select`: the type of the choices). */
export function applied(fn: Fn, of: Scalar, args: readonly string[], imm: number): string {
  if (fn === "select") return `select(${args[2]}, ${args[1]}, ${args[0]})`;
  return (rules[registerOf(of)][fn] ?? unsupported(`${fn} of ${of}`))(args, imm);
}

const bits = new DataView(new ArrayBuffer(4));

/** A constant. What WGSL refuses to write (NaN, infinities, -0, subnormal numbers) is made from bits at run time. */
export function constant(value: number, type: Scalar): string {
  if (type === "bool") return value === 0 ? "false" : "true";
  if (type === "i32") return value === -(2 ** 31) ? "w_word(0x80000000u)" : `${value | 0}i`;
  if (type !== "f32") return unsupported(type);
  const x = Math.fround(value);
  if (x === 0 ? Object.is(x, 0) : Math.abs(x) >= 2 ** -126 && Math.abs(x) < Infinity) return `${x}f`;
  bits.setFloat32(0, x);
  return `w_float(0x${bits.getUint32(0).toString(16)}u)`;
}

/**
 * What the rules above call. Functions prevent WGSL from evaluating constants, where it refuses NaN and overflow. A
 * divisor beyond 2^126, whose reciprocal some devices take for 0, is scaled.
 */
export const prelude = `
fn w_float(x: u32) -> f32 { return bitcast<f32>(x); }
fn w_word(x: u32) -> i32 { return bitcast<i32>(x); }
fn w_rounded(x: f32, none: u32) -> f32 { return bitcast<f32>(bitcast<u32>(x) + none); }
fn w_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn w_true(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) != 0u; }
fn w_eq(a: f32, b: f32) -> bool { return (a == b) & !(w_nan(a) | w_nan(b)); }
fn w_lt(a: f32, b: f32) -> bool { return (a < b) & !(w_nan(a) | w_nan(b)); }
fn w_le(a: f32, b: f32) -> bool { return (a <= b) & !(w_nan(a) | w_nan(b)); }
fn w_order(x: f32) -> i32 { let b = bitcast<i32>(x); return b ^ ((b >> 31u) & 0x7fffffffi); }
fn w_max(a: f32, b: f32) -> f32 {
  return select(select(select(b, a, w_order(a) >= w_order(b)), b, w_nan(b)), a, w_nan(a));
}
fn w_min(a: f32, b: f32) -> f32 {
  return select(select(select(b, a, w_order(a) <= w_order(b)), b, w_nan(b)), a, w_nan(a));
}
fn w_div(a: f32, b: f32) -> f32 { let s = select(1f, 0.25f, abs(b) >= 0x1p+126f); return a / (b * s) * s; }
fn w_int(x: f32) -> i32 {
  if (w_nan(x)) { return 0i; }
  if (x >= 2147483648f) { return 0x7fffffffi; }
  if (x <= -2147483648f) { return w_word(0x80000000u); }
  return i32(x);
}
fn w_idiv(a: i32, b: i32) -> i32 { return select(a / select(b, 1i, b == 0i), 0i, b == 0i); }
fn w_irem(a: i32, b: i32) -> i32 { return select(a % select(b, 1i, b == 0i), 0i, b == 0i); }
`;
