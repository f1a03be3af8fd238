// The elementwise primitives as functions: each element of the result comes from the elements at the same place, shapes
// broadcast as in NumPy, and operands are cast to the dtype in which they meet.
import { alias, apply, applyOwn, read, source } from "./apply.ts";
import { computeType, promote, type DType } from "./dtype.ts";
import { DTypeError } from "./errors.ts";
import type { Operand, Value } from "./interpreter.ts";
import type { Tensor } from "./tensor.ts";

/**
 * x in another dtype. Floats become integers by cutting the fraction, values
 * beyond the range stop at its ends and NaN becomes 0; anything becomes `bool` by x ≠ 0.
 *
 * @example cast(tensor([1.7, -1.7, NaN]), "i32") // [1, -1, 0]
 */
export function cast(x: Operand, dtype: DType): Tensor {
  const t = read(x, "cast");
  return typeof t === "object" && t.dtype === dtype ? alias(t) : apply("cast", [t], { dtype });
}

/** For operands: x in a dtype, x itself where it has it. */
export const inDType = (x: Tensor, dtype: DType): Tensor => (x.dtype === dtype ? x : apply("cast", [x], { dtype }));

/** The operand in a dtype that floating-point functions compute in. Numbers stay numbers. */
export function floating(x: Operand, op: string): Value {
  const t = read(x, op);
  if (typeof t === "number" || t.dtype === "f32" || t.dtype === "f64") return t;
  return inDType(t, "f32");
}

/** The operand in a dtype that arithmetic computes in: `bool` counts as integers. */
export function numeric(x: Operand, op: string): Value {
  const t = read(x, op);
  if (typeof t === "number" || t.dtype === "f32" || t.dtype === "f64" || t.dtype === "i32") return t;
  return inDType(t, t.dtype === "bool" ? "i32" : "f32");
}

const logical = (x: Operand, op: string): Value => {
  const t = read(x, op);
  return typeof t === "number" ? (t === 0 ? 0 : 1) : inDType(t, "bool");
};

/** The dtype in which a tensor meets a number. */
export function withNumber(op: string, dtype: DType, n: number): DType {
  const whole = (n | 0) === n;
  if (dtype === "i32" && !whole)
    throw new DTypeError(`${op}: the number ${n} does not fit an i32 tensor; cast the tensor to f32 first`);
  if (dtype === "bool") return whole ? "i32" : "f32";
  return computeType(dtype);
}

type Arithmetic = "add" | "sub" | "mul" | "maximum" | "minimum" | "mod" | "equal" | "less" | "lessEqual";

function arithmetic(op: Arithmetic, a: Operand, b: Operand): Tensor {
  const x = read(a, op);
  const y = read(b, op);
  if (typeof x === "number") {
    if (typeof y === "number" || y.dtype === "f32") return applyOwn(op, [x, y], undefined);
    return applyOwn(op, [x, inDType(y, withNumber(op, y.dtype, x))], undefined);
  }
  if (typeof y === "number") {
    if (x.dtype === "f32") return applyOwn(op, [x, y], undefined);
    return applyOwn(op, [inDType(x, withNumber(op, x.dtype, y)), y], undefined);
  }
  if (x.dtype === "f32" && y.dtype === "f32") return applyOwn(op, [x, y], undefined);
  const met = promote(x.dtype, y.dtype);
  const dtype = met === "bool" ? "i32" : met;
  return applyOwn(op, [inDType(x, dtype), inDType(y, dtype)], undefined);
}

type FloatArithmetic = "div" | "pow" | "atan2";

function floatArithmetic(op: FloatArithmetic, a: Operand, b: Operand): Tensor {
  const x = floating(a, op);
  const y = floating(b, op);
  if (typeof x === "number" || typeof y === "number" || x.dtype === y.dtype) return applyOwn(op, [x, y], undefined);
  return applyOwn(op, [inDType(x, "f64"), inDType(y, "f64")], undefined);
}

/** −x. @example neg(tensor([1, -2])) // [-1, 2] */
export const neg = (x: Operand): Tensor => applyOwn("neg", [numeric(x, "neg")], undefined);
/** |x|. @example abs(tensor([1, -2])) // [1, 2] */
export const abs = (x: Operand): Tensor => applyOwn("abs", [numeric(x, "abs")], undefined);
/** −1, 0 or 1; NaN stays. @example sign(tensor([3, 0, -2])) // [1, 0, -1] */
export const sign = (x: Operand): Tensor => applyOwn("sign", [numeric(x, "sign")], undefined);
/** eˣ. @example exp(tensor([0])) // [1] */
export const exp = (x: Operand): Tensor => applyOwn("exp", [floating(x, "exp")], undefined);
/** eˣ − 1, exact near 0. @example expm1(tensor([0])) // [0] */
export const expm1 = (x: Operand): Tensor => applyOwn("expm1", [floating(x, "expm1")], undefined);
/** The natural logarithm. @example log(tensor([1, 0])) // [0, -Infinity] */
export const log = (x: Operand): Tensor => applyOwn("log", [floating(x, "log")], undefined);
/** log(1 + x), exact near 0. @example log1p(tensor([0])) // [0] */
export const log1p = (x: Operand): Tensor => applyOwn("log1p", [floating(x, "log1p")], undefined);
/** √x. @example sqrt(tensor([4, 9])) // [2, 3] */
export const sqrt = (x: Operand): Tensor => applyOwn("sqrt", [floating(x, "sqrt")], undefined);
/** The sine; x in radians. @example sin(tensor([0])) // [0] */
export const sin = (x: Operand): Tensor => applyOwn("sin", [floating(x, "sin")], undefined);
/** The cosine; x in radians. @example cos(tensor([0])) // [1] */
export const cos = (x: Operand): Tensor => applyOwn("cos", [floating(x, "cos")], undefined);
/** The tangent; x in radians. @example tan(tensor([0])) // [0] */
export const tan = (x: Operand): Tensor => applyOwn("tan", [floating(x, "tan")], undefined);
/** The inverse sine in radians; NaN outside [−1, 1]. @example asin(tensor([0])) // [0] */
export const asin = (x: Operand): Tensor => applyOwn("asin", [floating(x, "asin")], undefined);
/** The inverse cosine in radians; NaN outside [−1, 1]. @example acos(tensor([1])) // [0] */
export const acos = (x: Operand): Tensor => applyOwn("acos", [floating(x, "acos")], undefined);
/** The inverse tangent in radians. @example atan(tensor([0])) // [0] */
export const atan = (x: Operand): Tensor => applyOwn("atan", [floating(x, "atan")], undefined);
/** The hyperbolic sine. @example sinh(tensor([0])) // [0] */
export const sinh = (x: Operand): Tensor => applyOwn("sinh", [floating(x, "sinh")], undefined);
/** The hyperbolic cosine. @example cosh(tensor([0])) // [1] */
export const cosh = (x: Operand): Tensor => applyOwn("cosh", [floating(x, "cosh")], undefined);
/** The hyperbolic tangent. @example tanh(tensor([0])) // [0] */
export const tanh = (x: Operand): Tensor => applyOwn("tanh", [floating(x, "tanh")], undefined);
/** The inverse hyperbolic sine. @example asinh(tensor([0])) // [0] */
export const asinh = (x: Operand): Tensor => applyOwn("asinh", [floating(x, "asinh")], undefined);
/** The inverse hyperbolic tangent; NaN outside [−1, 1]. @example atanh(tensor([0])) // [0] */
export const atanh = (x: Operand): Tensor => applyOwn("atanh", [floating(x, "atanh")], undefined);
/** The error function 2/√π · ∫₀ˣ e^(−t²) dt. @example erf(tensor([0])) // [0] */
export const erf = (x: Operand): Tensor => applyOwn("erf", [floating(x, "erf")], undefined);
/** The next integer below; integers stay. @example floor(tensor([1.5, -1.5])) // [1, -2] */
export const floor = (x: Operand): Tensor => applyOwn("floor", [numeric(x, "floor")], undefined);
/** The next integer above; integers stay. @example ceil(tensor([1.5, -0.5])) // [2, 0] */
export const ceil = (x: Operand): Tensor => applyOwn("ceil", [numeric(x, "ceil")], undefined);
/** The nearest integer, halves to the even one. @example round(tensor([0.5, 1.5, 2.6])) // [0, 2, 3] */
export const round = (x: Operand): Tensor => applyOwn("round", [numeric(x, "round")], undefined);
/** 1 / (1 + e⁻ˣ). @example sigmoid(tensor([0])) // [0.5] */
export const sigmoid = (x: Operand): Tensor => applyOwn("sigmoid", [floating(x, "sigmoid")], undefined);
/** max(x, 0); its derivative at 0 is 0. @example relu(tensor([-1, 2])) // [0, 2] */
export const relu = (x: Operand): Tensor => applyOwn("relu", [numeric(x, "relu")], undefined);
/** Where x is NaN, as `bool`. @example isNaN(tensor([NaN, 1])) // [1, 0] */
export const isNaN = (x: Operand): Tensor => applyOwn("isNaN", [floating(x, "isNaN")], undefined);
/** Where x is neither NaN nor infinite, as `bool`. @example isFinite(tensor([Infinity, 1])) // [0, 1] */
export const isFinite = (x: Operand): Tensor => applyOwn("isFinite", [floating(x, "isFinite")], undefined);
/** Where x is 0, as `bool`. @example not(tensor([0, 2])) // [1, 0] */
export const not = (x: Operand): Tensor => applyOwn("not", [logical(x, "not")], undefined);

/** a + b. @example add(tensor([1, 2]), 3) // [4, 5] */
export const add = (a: Operand, b: Operand): Tensor => arithmetic("add", a, b);
/** a − b. @example sub(1, tensor([1, 2])) // [0, -1] */
export const sub = (a: Operand, b: Operand): Tensor => arithmetic("sub", a, b);
/** a · b, element by element. @example mul(tensor([1, 2]), tensor([[1], [2]])) // [[1, 2], [2, 4]] */
export const mul = (a: Operand, b: Operand): Tensor => arithmetic("mul", a, b);
/** a / b; integers give `f32`. @example div(tensor([1, 3]), 2) // [0.5, 1.5] */
export const div = (a: Operand, b: Operand): Tensor => floatArithmetic("div", a, b);
/** The larger of two; NaN where one is NaN. Equal operands share the gradient. @example maximum(tensor([1, 5]), 3) // [3, 5] */
export const maximum = (a: Operand, b: Operand): Tensor => arithmetic("maximum", a, b);
/** The smaller of two; NaN where one is NaN. Equal operands share the gradient. @example minimum(tensor([1, 5]), 3) // [1, 3] */
export const minimum = (a: Operand, b: Operand): Tensor => arithmetic("minimum", a, b);
/** a − b·⌊a/b⌋, exact: the remainder with the sign of b, as in Python; by 0 NaN, of integers 0. @example mod(tensor([5, -5]), 3) // [2, 1] */
export const mod = (a: Operand, b: Operand): Tensor => arithmetic("mod", a, b);
/** The angle of the point (b, a) in radians, −π to π. @example atan2(tensor([0]), tensor([1])) // [0] */
export const atan2 = (a: Operand, b: Operand): Tensor => floatArithmetic("atan2", a, b);
/** a = b, as `bool`. @example equal(tensor([1, 2]), 2) // [0, 1] */
export const equal = (a: Operand, b: Operand): Tensor => arithmetic("equal", a, b);
/** a < b, as `bool`. @example less(tensor([1, 2]), 2) // [1, 0] */
export const less = (a: Operand, b: Operand): Tensor => arithmetic("less", a, b);
/** a ≤ b, as `bool`. @example lessEqual(tensor([1, 2, 3]), 2) // [1, 1, 0] */
export const lessEqual = (a: Operand, b: Operand): Tensor => arithmetic("lessEqual", a, b);
/** Where both are true (not 0), as `bool`. @example and(tensor([1, 1, 0]), tensor([1, 0, 0])) // [1, 0, 0] */
export const and = (a: Operand, b: Operand): Tensor =>
  applyOwn("and", [logical(a, "and"), logical(b, "and")], undefined);
/** Where one is true (not 0), as `bool`. @example or(tensor([1, 1, 0]), tensor([1, 0, 0])) // [1, 1, 0] */
export const or = (a: Operand, b: Operand): Tensor => applyOwn("or", [logical(a, "or"), logical(b, "or")], undefined);

/**
 * a to the power of b; integers give `f32`. The powers 0, 1 and 2 are written out, so that they have exact derivatives of
 * every order at 0, too.
 *
 * @example pow(tensor([1, 2, 3]), 2) // [1, 4, 9]
 */
export function pow(a: Operand, b: Operand): Tensor {
  const x = floating(a, "pow");
  if (typeof x === "object") {
    if (b === 1) return alias(x);
    if (b === 2) return applyOwn("mul", [x, x], undefined);
    if (b === 0) return source(x.interpreter.backend, "full", [1], { shape: x.shape, dtype: x.dtype });
  }
  return floatArithmetic("pow", x, b);
}

/**
 * `a` where the mask is true (not 0), `b` elsewhere; all three broadcast. A gradient reaches only what was chosen.
 *
 * @example where(tensor([true, false]), tensor([1, 2]), 0) // [1, 0]
 */
export function where(mask: Operand, a: Operand, b: Operand): Tensor {
  const m = logical(mask, "where");
  const x = read(a, "where");
  const y = read(b, "where");
  if (typeof x === "object" && typeof y === "object") {
    const dtype = promote(x.dtype, y.dtype);
    return applyOwn("where", [m, inDType(x, dtype), inDType(y, dtype)], undefined);
  }
  if (typeof x === "object")
    return applyOwn("where", [m, inDType(x, withNumber("where", x.dtype, y as number)), y], undefined);
  if (typeof y === "object") return applyOwn("where", [m, x, inDType(y, withNumber("where", y.dtype, x))], undefined);
  return applyOwn("where", [m, x, y], undefined);
}
