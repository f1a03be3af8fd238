// The elementwise primitives as functions: each element of the result depends on the elements at the same position,
// shapes broadcast as in NumPy, and operands are cast to a common dtype.
import { alias, applyRead, placed, read } from "./apply.ts";
import { dtypeInfo, promote, type DType } from "./dtype.ts";
import { filled } from "./filled.ts";
import type { Operand, Value } from "./interpreter.ts";
import { floating, inDType, numeric, withNumber } from "./operands.ts";
import { dtypeName, integer, readOptions, readValue, refuseMore } from "./options.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Functions of one and of two operands. Further arguments are checked, since options that no one reads are a mistake.
 */
type Unary = (x: Operand) => Tensor;
type Binary = (a: Operand, b: Operand) => Tensor;

/**
 * x in another dtype. Floats become integers by truncation; values out of range saturate, and NaN becomes 0. `bool` is
 * x ≠ 0.
 *
 * @example cast(tensor([1.7, -1.7, NaN]), "i32") // [1, -1, 0]
 */
export function cast(x: Operand, dtype: DType): Tensor {
  const t = read(x, "cast");
  readValue("cast", "dtype", dtype, dtypeName);
  return typeof t === "object" && t.dtype === dtype ? alias(t) : applyRead("cast", [t], { dtype });
}

const logical = (x: Operand, op: string, more?: unknown, beside?: Operand): Value => {
  if (more !== undefined) refuseMore(op, more);
  const t = read(x, op, beside);
  return typeof t === "number" ? (t === 0 ? 0 : 1) : inDType(t, "bool");
};

type Arithmetic = "add" | "sub" | "mul" | "maximum" | "minimum" | "mod" | "equal" | "less" | "lessEqual";

function arithmetic(op: Arithmetic, a: Operand, b: Operand, more: unknown): Tensor {
  if (more !== undefined) refuseMore(op, more);
  const x = read(a, op, b);
  const y = read(b, op, x);
  if (typeof x === "number") {
    if (typeof y === "number" || y.dtype === "f32") return applyRead(op, [x, y], undefined);
    return applyRead(op, [x, inDType(y, withNumber(op, y.dtype, x))], undefined);
  }
  if (typeof y === "number") {
    if (x.dtype === "f32") return applyRead(op, [x, y], undefined);
    return applyRead(op, [inDType(x, withNumber(op, x.dtype, y)), y], undefined);
  }
  if (x.dtype === "f32" && y.dtype === "f32") return applyRead(op, [x, y], undefined);
  const dtype = dtypeInfo[promote(x.dtype, y.dtype)].accumulate;
  return applyRead(op, [inDType(x, dtype), inDType(y, dtype)], undefined);
}

type FloatArithmetic = "div" | "pow" | "atan2";

function floatArithmetic(op: FloatArithmetic, a: Operand, b: Operand, more?: unknown): Tensor {
  const x = floating(a, op, more, b);
  const y = floating(b, op, undefined, x);
  if (typeof x === "number" || typeof y === "number" || x.dtype === y.dtype) return applyRead(op, [x, y], undefined);
  return applyRead(op, [inDType(x, "f64"), inDType(y, "f64")], undefined);
}

function connective(op: "and" | "or", a: Operand, b: Operand, more: unknown): Tensor {
  const x = logical(a, op, more, b);
  return applyRead(op, [x, logical(b, op, undefined, x)], undefined);
}

/** −x. @example neg(tensor([1, -2])) // [-1, 2] */
export const neg: Unary = (x, more?: unknown) => applyRead("neg", [numeric(x, "neg", more)], undefined);
/** |x|. @example abs(tensor([1, -2])) // [1, 2] */
export const abs: Unary = (x, more?: unknown) => applyRead("abs", [numeric(x, "abs", more)], undefined);
/** −1, 0 or 1; NaN stays. @example sign(tensor([3, 0, -2])) // [1, 0, -1] */
export const sign: Unary = (x, more?: unknown) => applyRead("sign", [numeric(x, "sign", more)], undefined);
/** eˣ. @example exp(tensor([0])) // [1] */
export const exp: Unary = (x, more?: unknown) => applyRead("exp", [floating(x, "exp", more)], undefined);
/** eˣ − 1, exact near 0. @example expm1(tensor([0])) // [0] */
export const expm1: Unary = (x, more?: unknown) => applyRead("expm1", [floating(x, "expm1", more)], undefined);
/** The natural logarithm. @example log(tensor([1, 0])) // [0, -Infinity] */
export const log: Unary = (x, more?: unknown) => applyRead("log", [floating(x, "log", more)], undefined);
/** log(1 + x), exact near 0. @example log1p(tensor([0])) // [0] */
export const log1p: Unary = (x, more?: unknown) => applyRead("log1p", [floating(x, "log1p", more)], undefined);
/** √x. @example sqrt(tensor([4, 9])) // [2, 3] */
export const sqrt: Unary = (x, more?: unknown) => applyRead("sqrt", [floating(x, "sqrt", more)], undefined);
/** The sine; x in radians. @example sin(tensor([0])) // [0] */
export const sin: Unary = (x, more?: unknown) => applyRead("sin", [floating(x, "sin", more)], undefined);
/** The cosine; x in radians. @example cos(tensor([0])) // [1] */
export const cos: Unary = (x, more?: unknown) => applyRead("cos", [floating(x, "cos", more)], undefined);
/** The tangent; x in radians. @example tan(tensor([0])) // [0] */
export const tan: Unary = (x, more?: unknown) => applyRead("tan", [floating(x, "tan", more)], undefined);
/** The inverse sine in radians; NaN outside [−1, 1]. @example asin(tensor([0])) // [0] */
export const asin: Unary = (x, more?: unknown) => applyRead("asin", [floating(x, "asin", more)], undefined);
/** The inverse cosine in radians; NaN outside [−1, 1]. @example acos(tensor([1])) // [0] */
export const acos: Unary = (x, more?: unknown) => applyRead("acos", [floating(x, "acos", more)], undefined);
/** The inverse tangent in radians. @example atan(tensor([0])) // [0] */
export const atan: Unary = (x, more?: unknown) => applyRead("atan", [floating(x, "atan", more)], undefined);
/** The hyperbolic sine. @example sinh(tensor([0])) // [0] */
export const sinh: Unary = (x, more?: unknown) => applyRead("sinh", [floating(x, "sinh", more)], undefined);
/** The hyperbolic cosine. @example cosh(tensor([0])) // [1] */
export const cosh: Unary = (x, more?: unknown) => applyRead("cosh", [floating(x, "cosh", more)], undefined);
/** The hyperbolic tangent. @example tanh(tensor([0])) // [0] */
export const tanh: Unary = (x, more?: unknown) => applyRead("tanh", [floating(x, "tanh", more)], undefined);
/** The inverse hyperbolic sine. @example asinh(tensor([0])) // [0] */
export const asinh: Unary = (x, more?: unknown) => applyRead("asinh", [floating(x, "asinh", more)], undefined);
/** The inverse hyperbolic tangent; NaN outside [−1, 1]. @example atanh(tensor([0])) // [0] */
export const atanh: Unary = (x, more?: unknown) => applyRead("atanh", [floating(x, "atanh", more)], undefined);
/** The error function 2/√π · ∫₀ˣ e^(−t²) dt. @example erf(tensor([0])) // [0] */
export const erf: Unary = (x, more?: unknown) => applyRead("erf", [floating(x, "erf", more)], undefined);
/** The largest integer not above x. @example floor(tensor([1.5, -1.5])) // [1, -2] */
export const floor: Unary = (x, more?: unknown) => applyRead("floor", [numeric(x, "floor", more)], undefined);
/** The smallest integer not below x. @example ceil(tensor([1.5, -0.5])) // [2, 0] */
export const ceil: Unary = (x, more?: unknown) => applyRead("ceil", [numeric(x, "ceil", more)], undefined);
/** 1 / (1 + e⁻ˣ). @example sigmoid(tensor([0])) // [0.5] */
export const sigmoid: Unary = (x, more?: unknown) => applyRead("sigmoid", [floating(x, "sigmoid", more)], undefined);
/** max(x, 0); its derivative at 0 is 0. @example relu(tensor([-1, 2])) // [0, 2] */
export const relu: Unary = (x, more?: unknown) => applyRead("relu", [numeric(x, "relu", more)], undefined);
/** Whether x is NaN, as `bool`. @example isNaN(tensor([NaN, 1])) // [1, 0] */
export const isNaN: Unary = (x, more?: unknown) => applyRead("isNaN", [floating(x, "isNaN", more)], undefined);
/** Whether x is neither NaN nor infinite, as `bool`. @example isFinite(tensor([Infinity, 1])) // [0, 1] */
export const isFinite: Unary = (x, more?: unknown) => applyRead("isFinite", [floating(x, "isFinite", more)], undefined);
/** Whether x is 0, as `bool`. @example not(tensor([0, 2])) // [1, 0] */
export const not: Unary = (x, more?: unknown) => applyRead("not", [logical(x, "not", more)], undefined);

/** a + b. @example add(tensor([1, 2]), 3) // [4, 5] */
export const add: Binary = (a, b, more?: unknown) => arithmetic("add", a, b, more);
/** a − b. @example sub(1, tensor([1, 2])) // [0, -1] */
export const sub: Binary = (a, b, more?: unknown) => arithmetic("sub", a, b, more);
/** a · b, element by element. @example mul(tensor([1, 2]), tensor([[1], [2]])) // [[1, 2], [2, 4]] */
export const mul: Binary = (a, b, more?: unknown) => arithmetic("mul", a, b, more);
/** a / b; integers give `f32`. @example div(tensor([1, 3]), 2) // [0.5, 1.5] */
export const div: Binary = (a, b, more?: unknown) => floatArithmetic("div", a, b, more);
/**
 * The larger of two; NaN if either is. Equal operands share the gradient.
 *
 * @example maximum(tensor([1, 5]), 3) // [3, 5]
 */
export const maximum: Binary = (a, b, more?: unknown) => arithmetic("maximum", a, b, more);
/**
 * The smaller of two; NaN if either is. Equal operands share the gradient.
 *
 * @example minimum(tensor([1, 5]), 3) // [1, 3]
 */
export const minimum: Binary = (a, b, more?: unknown) => arithmetic("minimum", a, b, more);
/**
 * a − b·⌊a/b⌋, exact: the remainder with the sign of b, as in Python. For b = 0 it is NaN, and 0 for integers.
 *
 * @example mod(tensor([5, -5]), 3) // [2, 1]
 */
export const mod: Binary = (a, b, more?: unknown) => arithmetic("mod", a, b, more);
/** The angle of the point (b, a) in radians, −π to π. @example atan2(tensor([0]), tensor([1])) // [0] */
export const atan2: Binary = (a, b, more?: unknown) => floatArithmetic("atan2", a, b, more);
/** a = b, as `bool`. @example equal(tensor([1, 2]), 2) // [0, 1] */
export const equal: Binary = (a, b, more?: unknown) => arithmetic("equal", a, b, more);
/** a < b, as `bool`. @example less(tensor([1, 2]), 2) // [1, 0] */
export const less: Binary = (a, b, more?: unknown) => arithmetic("less", a, b, more);
/** a ≤ b, as `bool`. @example lessEqual(tensor([1, 2, 3]), 2) // [1, 1, 0] */
export const lessEqual: Binary = (a, b, more?: unknown) => arithmetic("lessEqual", a, b, more);
/** Whether both are true (not 0), as `bool`. @example and(tensor([1, 1, 0]), tensor([1, 0, 0])) // [1, 0, 0] */
export const and: Binary = (a, b, more?: unknown) => connective("and", a, b, more);
/** Whether either is true (not 0), as `bool`. @example or(tensor([1, 1, 0]), tensor([1, 0, 0])) // [1, 1, 0] */
export const or: Binary = (a, b, more?: unknown) => connective("or", a, b, more);

/**
 * The nearest integer, halves to even; or the nearest number with so many `decimals`, a multiple of 10^-decimals.
 *
 * @example round(tensor([0.5, 1.5, 2.6])) // [0, 2, 3]
 */
export function round(x: Operand, options?: { decimals?: number }): Tensor {
  const { decimals } = readOptions("round", options, { decimals: integer }, { decimals: 0 });
  if (decimals === 0) return applyRead("round", [numeric(x, "round")], undefined);
  const [up, down] = decimals > 0 ? [mul, div] : [div, mul];
  const unit = 10 ** Math.abs(decimals);
  return down(round(up(floating(x, "round"), unit)), unit);
}

/**
 * a to the power of b; integers give `f32`. The powers 0, 1 and 2 are special-cased, so that their derivatives of every
 * order are exact at 0, too.
 *
 * @example pow(tensor([1, 2, 3]), 2) // [1, 4, 9]
 */
export function pow(a: Operand, b: Operand): Tensor;
export function pow(a: Operand, b: Operand, more?: unknown): Tensor {
  const x = floating(a, "pow", more, b);
  if (typeof x === "object") {
    if (b === 1) return alias(x);
    if (b === 2) return applyRead("mul", [x, x], undefined);
    if (b === 0) return filled(x, 1, x.shape);
  }
  return floatArithmetic("pow", x, b);
}

/**
 * `a` where the mask is true (not 0), `b` elsewhere; all three broadcast. A gradient reaches only what was chosen.
 *
 * @example where(tensor([true, false]), tensor([1, 2]), 0) // [1, 0]
 */
export function where(mask: Operand, a: Operand, b: Operand): Tensor {
  const beside = placed([mask, a, b]);
  const m = logical(mask, "where", undefined, beside);
  const x = read(a, "where", beside);
  const y = read(b, "where", beside);
  if (typeof x === "object" && typeof y === "object") {
    const dtype = promote(x.dtype, y.dtype);
    return applyRead("where", [m, inDType(x, dtype), inDType(y, dtype)], undefined);
  }
  if (typeof x === "object")
    return applyRead("where", [m, inDType(x, withNumber("where", x.dtype, y as number)), y], undefined);
  if (typeof y === "object") return applyRead("where", [m, x, inDType(y, withNumber("where", y.dtype, x))], undefined);
  return applyRead("where", [m, x, y], undefined);
}
