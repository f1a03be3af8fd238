// Rules of the elementwise family: shapes broadcast as in NumPy, dtypes agree and stay, comparisons give bool.
import { text } from "../axes.ts";
import type { DType } from "../dtype.ts";
import { ShapeError } from "../errors.ts";
import type { Value } from "../interpreter.ts";
import type { ElementwiseOps, Shape } from "../ops.ts";
import { agree, tensorAt, wrongDType, type DTypeRules, type ShapeRules } from "./table.ts";

const SCALAR: Shape = [];

/** The shape that two shapes broadcast to, aligned at their last axes; `a` or `b` itself where it is that one. */
export function broadcast(op: string, a: Shape, b: Shape): Shape {
  if (a === b) return a;
  return covers(a, b) ? a : covers(b, a) ? b : stretch(op, a, b);
}

/** Whether b stretches to a. */
function covers(a: Shape, b: Shape): boolean {
  const lead = a.length - b.length;
  if (lead < 0) return false;
  for (let i = 0; i < b.length; i++) if (b[i] !== a[lead + i] && b[i] !== 1) return false;
  return true;
}

function stretch(op: string, a: Shape, b: Shape): Shape {
  const shape: number[] = [];
  for (let i = Math.max(a.length, b.length); i > 0; i--) {
    const p = a[a.length - i] ?? 1;
    const q = b[b.length - i] ?? 1;
    if (p !== q && p !== 1 && q !== 1)
      throw new ShapeError(
        `${op}: shapes ${text(a)} and ${text(b)} do not fit: the sizes ${p} and ${q} of axis ${-i} must be equal, or one of them 1`,
      );
    shape.push(p === 1 ? q : p);
  }
  return shape;
}

const unary = (inputs: readonly Value[]): Shape => (inputs[0] as { shape: Shape }).shape;

const binary =
  (op: string) =>
  (inputs: readonly Value[]): Shape => {
    const a = inputs[0]!;
    const b = inputs[1]!;
    if (typeof a === "number") return typeof b === "number" ? SCALAR : b.shape;
    return typeof b === "number" ? a.shape : broadcast(op, a.shape, b.shape);
  };

const choice = (inputs: readonly Value[]): Shape => {
  let shape = SCALAR;
  for (let i = 0; i < 3; i++) {
    const x = inputs[i]!;
    if (typeof x !== "number") shape = shape === SCALAR ? x.shape : broadcast("where", shape, x.shape);
  }
  return shape;
};

export const elementwiseShapes: ShapeRules<keyof ElementwiseOps> = {
  neg: unary,
  abs: unary,
  sign: unary,
  exp: unary,
  expm1: unary,
  log: unary,
  log1p: unary,
  sqrt: unary,
  sin: unary,
  cos: unary,
  tan: unary,
  asin: unary,
  acos: unary,
  atan: unary,
  sinh: unary,
  cosh: unary,
  tanh: unary,
  asinh: unary,
  atanh: unary,
  erf: unary,
  floor: unary,
  ceil: unary,
  round: unary,
  sigmoid: unary,
  relu: unary,
  isNaN: unary,
  isFinite: unary,
  not: unary,
  cast: unary,
  add: binary("add"),
  sub: binary("sub"),
  mul: binary("mul"),
  div: binary("div"),
  pow: binary("pow"),
  maximum: binary("maximum"),
  minimum: binary("minimum"),
  mod: binary("mod"),
  atan2: binary("atan2"),
  equal: binary("equal"),
  less: binary("less"),
  lessEqual: binary("lessEqual"),
  and: binary("and"),
  or: binary("or"),
  where: choice,
};

const FLOAT: readonly DType[] = ["f32", "f64"];
const NUMBER: readonly DType[] = ["f32", "f64", "i32"];
const BOOL: readonly DType[] = ["bool"];

const of =
  (op: string, wanted: readonly DType[]) =>
  (inputs: readonly Value[]): DType => {
    const { dtype } = tensorAt(op, inputs, 0);
    if (!wanted.includes(dtype)) wrongDType(op, dtype, wanted);
    return dtype;
  };
const test = (op: string, wanted: readonly DType[]) => {
  const check = of(op, wanted);
  return (inputs: readonly Value[]): DType => (check(inputs), "bool");
};
const ofTwo =
  (op: string, wanted: readonly DType[]) =>
  (inputs: readonly Value[]): DType => {
    const a = inputs[0]!;
    const b = inputs[1]!;
    let dtype: DType;
    if (typeof a === "number") ({ dtype } = tensorAt(op, inputs, 1));
    else if (typeof b === "number" || a.dtype === b.dtype) ({ dtype } = a);
    else dtype = agree(op, a.dtype, b.dtype);
    if (!wanted.includes(dtype)) wrongDType(op, dtype, wanted);
    return dtype;
  };
const testOfTwo = (op: string, wanted: readonly DType[]) => {
  const check = ofTwo(op, wanted);
  return (inputs: readonly Value[]): DType => (check(inputs), "bool");
};

const chosen = (inputs: readonly Value[]): DType => {
  const mask = inputs[0]!;
  if (typeof mask !== "number" && mask.dtype !== "bool") wrongDType("where", mask.dtype, BOOL);
  const a = inputs[1]!;
  const b = inputs[2]!;
  if (typeof a === "number") return typeof b === "number" ? "f32" : b.dtype;
  return typeof b === "number" ? a.dtype : agree("where", a.dtype, b.dtype);
};

export const elementwiseDTypes: DTypeRules<keyof ElementwiseOps> = {
  neg: of("neg", NUMBER),
  abs: of("abs", NUMBER),
  sign: of("sign", NUMBER),
  exp: of("exp", FLOAT),
  expm1: of("expm1", FLOAT),
  log: of("log", FLOAT),
  log1p: of("log1p", FLOAT),
  sqrt: of("sqrt", FLOAT),
  sin: of("sin", FLOAT),
  cos: of("cos", FLOAT),
  tan: of("tan", FLOAT),
  asin: of("asin", FLOAT),
  acos: of("acos", FLOAT),
  atan: of("atan", FLOAT),
  sinh: of("sinh", FLOAT),
  cosh: of("cosh", FLOAT),
  tanh: of("tanh", FLOAT),
  asinh: of("asinh", FLOAT),
  atanh: of("atanh", FLOAT),
  erf: of("erf", FLOAT),
  floor: of("floor", NUMBER),
  ceil: of("ceil", NUMBER),
  round: of("round", NUMBER),
  sigmoid: of("sigmoid", FLOAT),
  relu: of("relu", NUMBER),
  isNaN: test("isNaN", FLOAT),
  isFinite: test("isFinite", FLOAT),
  not: of("not", BOOL),
  cast: (_, { dtype }) => dtype,
  add: ofTwo("add", NUMBER),
  sub: ofTwo("sub", NUMBER),
  mul: ofTwo("mul", NUMBER),
  div: ofTwo("div", FLOAT),
  pow: ofTwo("pow", FLOAT),
  maximum: ofTwo("maximum", NUMBER),
  minimum: ofTwo("minimum", NUMBER),
  mod: ofTwo("mod", NUMBER),
  atan2: ofTwo("atan2", FLOAT),
  equal: testOfTwo("equal", NUMBER),
  less: testOfTwo("less", NUMBER),
  lessEqual: testOfTwo("lessEqual", NUMBER),
  and: ofTwo("and", BOOL),
  or: ofTwo("or", BOOL),
  where: chosen,
};
