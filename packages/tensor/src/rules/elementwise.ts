// Rules of the elementwise family: shapes broadcast as in NumPy, operands share one dtype, which the result has, and
// comparisons give bool.
import { text } from "../axes.ts";
import type { ComputeType, DType } from "../dtype.ts";
import { ShapeError } from "../errors.ts";
import type { Value } from "../interpreter.ts";
import type { ElementwiseOps, Shape } from "../ops.ts";
import { agree, dtypeAmong, float, number, takes, tensorAt, type DTypeRules, type ShapeRules } from "./table.ts";

const SCALAR: Shape = [];

/** The shape that two shapes broadcast to, aligned at their last axes; `a` or `b` itself if it is that shape. */
export function broadcast(op: string, a: Shape, b: Shape): Shape {
  if (a === b) return a;
  return covers(a, b) ? a : covers(b, a) ? b : stretch(op, a, b);
}

/** Whether b broadcasts to a. */
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

const binary = (inputs: readonly Value[], _attrs: unknown, op: string): Shape => {
  const a = inputs[0]!;
  const b = inputs[1]!;
  if (typeof a === "number") return typeof b === "number" ? SCALAR : b.shape;
  return typeof b === "number" ? a.shape : broadcast(op, a.shape, b.shape);
};

const choice = (inputs: readonly Value[], _attrs: unknown, op: string): Shape => {
  let shape = SCALAR;
  for (let i = 0; i < 3; i++) {
    const x = inputs[i]!;
    if (typeof x !== "number") shape = shape === SCALAR ? x.shape : broadcast(op, shape, x.shape);
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
  signbit: unary,
  isFinite: unary,
  not: unary,
  cast: unary,
  add: binary,
  sub: binary,
  mul: binary,
  div: binary,
  pow: binary,
  maximum: binary,
  minimum: binary,
  mod: binary,
  atan2: binary,
  floorDivide: binary,
  bitAnd: binary,
  bitOr: binary,
  bitXor: binary,
  shiftLeft: binary,
  shiftRight: binary,
  equal: binary,
  less: binary,
  lessEqual: binary,
  and: binary,
  or: binary,
  where: choice,
};

const ofTwo = (...wanted: ComputeType[]) => {
  return (inputs: readonly Value[], _attrs: unknown, op: string): DType => {
    const a = inputs[0]!;
    const b = inputs[1]!;
    let dtype: DType;
    if (typeof a === "number") ({ dtype } = tensorAt(op, inputs, 1));
    else if (typeof b === "number" || a.dtype === b.dtype) ({ dtype } = a);
    else dtype = agree(op, a.dtype, b.dtype);
    return dtypeAmong(op, dtype, wanted);
  };
};
const test =
  (check: (inputs: readonly Value[], attrs: unknown, op: string) => DType) =>
  (inputs: readonly Value[], attrs: unknown, op: string): DType => (check(inputs, attrs, op), "bool");

const bool = takes("bool");
const floats = ofTwo("f32", "f64");
const numbers = ofTwo("f32", "f64", "i32");
const bools = ofTwo("bool");
const integers = ofTwo("i32");
const isFloat = test(float);
const compare = test(numbers);

const chosen = (inputs: readonly Value[], _attrs: unknown, op: string): DType => {
  const mask = inputs[0]!;
  if (typeof mask !== "number") dtypeAmong(op, mask.dtype, ["bool"]);
  const a = inputs[1]!;
  const b = inputs[2]!;
  if (typeof a === "number") return typeof b === "number" ? "f32" : b.dtype;
  return typeof b === "number" ? a.dtype : agree(op, a.dtype, b.dtype);
};

export const elementwiseDTypes = {
  neg: number,
  abs: number,
  sign: number,
  exp: float,
  expm1: float,
  log: float,
  log1p: float,
  sqrt: float,
  sin: float,
  cos: float,
  tan: float,
  asin: float,
  acos: float,
  atan: float,
  sinh: float,
  cosh: float,
  tanh: float,
  asinh: float,
  atanh: float,
  erf: float,
  floor: number,
  ceil: number,
  round: number,
  sigmoid: float,
  relu: number,
  isNaN: isFloat,
  signbit: test(number),
  isFinite: isFloat,
  not: bool,
  cast: (_, { dtype }) => dtype,
  add: numbers,
  sub: numbers,
  mul: numbers,
  div: floats,
  pow: floats,
  maximum: numbers,
  minimum: numbers,
  mod: numbers,
  atan2: floats,
  floorDivide: integers,
  bitAnd: integers,
  bitOr: integers,
  bitXor: integers,
  shiftLeft: integers,
  shiftRight: integers,
  equal: compare,
  less: compare,
  lessEqual: compare,
  and: bools,
  or: bools,
  where: chosen,
} satisfies DTypeRules<keyof ElementwiseOps>;
