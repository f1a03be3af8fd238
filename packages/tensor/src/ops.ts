// The catalog: one line per primitive. Shape rules, derivatives, kernels and samples are complete tables over these
// names.
import type { DType } from "./dtype.ts";

export type Shape = readonly number[];
type Ints = readonly number[];

/** What a line of the catalog says: the number of operands (`number` if it varies) and the attributes. */
interface Op<Arity extends number, Attrs = undefined> {
  readonly arity: Arity;
  readonly attrs: Attrs;
}

export interface ReduceAttrs {
  readonly axes: Ints;
  readonly keepDims: boolean;
}
export interface AxisAttrs {
  readonly axis: number;
}
/** One entry per spatial axis; `padding` is [low, high] per axis. */
export interface ConvAttrs {
  readonly stride: Ints;
  readonly padding: readonly (readonly [number, number])[];
  readonly dilation: Ints;
  readonly groups: number;
}
export interface PoolAttrs {
  readonly window: Ints;
  readonly stride: Ints;
  readonly padding: readonly (readonly [number, number])[];
  readonly dilation: Ints;
}
/** Threefry-2x32 with this key; element i (row-major) uses the counter block (i, counter). */
export interface RandomAttrs {
  readonly shape: Shape;
  readonly key: readonly [number, number];
  readonly counter: number;
}

/** Elementwise: one operand, or two or three with broadcasting. */
export interface ElementwiseOps {
  neg: Op<1>;
  abs: Op<1>;
  sign: Op<1>;
  exp: Op<1>;
  expm1: Op<1>;
  log: Op<1>;
  log1p: Op<1>;
  sqrt: Op<1>;
  sin: Op<1>;
  cos: Op<1>;
  tan: Op<1>;
  asin: Op<1>;
  acos: Op<1>;
  atan: Op<1>;
  sinh: Op<1>;
  cosh: Op<1>;
  tanh: Op<1>;
  asinh: Op<1>;
  atanh: Op<1>;
  erf: Op<1>;
  floor: Op<1>;
  ceil: Op<1>;
  round: Op<1>;
  sigmoid: Op<1>;
  relu: Op<1>;
  isNaN: Op<1>;
  /** Whether the sign bit is set: -0 has one. False for NaN. */
  signbit: Op<1>;
  isFinite: Op<1>;
  not: Op<1>;
  cast: Op<1, { readonly dtype: DType }>;
  add: Op<2>;
  sub: Op<2>;
  mul: Op<2>;
  div: Op<2>;
  pow: Op<2>;
  maximum: Op<2>;
  minimum: Op<2>;
  mod: Op<2>;
  atan2: Op<2>;
  /** Of i32; shifts by less than 0 or more than 31 shift out all bits. Division by 0 gives 0. */
  floorDivide: Op<2>;
  bitAnd: Op<2>;
  bitOr: Op<2>;
  bitXor: Op<2>;
  shiftLeft: Op<2>;
  shiftRight: Op<2>;
  equal: Op<2>;
  less: Op<2>;
  lessEqual: Op<2>;
  and: Op<2>;
  or: Op<2>;
  where: Op<3>;
}

/** Reductions, scans and sorting. */
export interface ReduceOps {
  sum: Op<1, ReduceAttrs>;
  max: Op<1, ReduceAttrs>;
  min: Op<1, ReduceAttrs>;
  argmax: Op<1, { readonly axis: number; readonly keepDims: boolean }>;
  argmin: Op<1, { readonly axis: number; readonly keepDims: boolean }>;
  cumsum: Op<1, { readonly axis: number; readonly reverse: boolean }>;
  argsort: Op<1, { readonly axis: number; readonly descending: boolean }>;
}

/** Movement: elements change their position, not their value. */
export interface MovementOps {
  reshape: Op<1, { readonly shape: Shape }>;
  permute: Op<1, { readonly axes: Ints }>;
  broadcastTo: Op<1, { readonly shape: Shape }>;
  slice: Op<1, { readonly starts: Ints; readonly sizes: Ints; readonly steps: Ints }>;
  flip: Op<1, { readonly axes: Ints }>;
  /**
   * `interior` more elements go between neighbors (the derivative of a slice with steps); all added elements are
   * `value`.
   */
  pad: Op<1, { readonly before: Ints; readonly after: Ints; readonly interior: Ints; readonly value: number }>;
  concat: Op<number, AxisAttrs>;
}

/** Indexing; indices are i32. `indexAdd` adds updates to whole rows of x: the derivative of `take`. */
export interface IndexingOps {
  take: Op<2, AxisAttrs>;
  indexAdd: Op<3, AxisAttrs>;
  gather: Op<2, AxisAttrs>;
  scatterAdd: Op<3, AxisAttrs>;
}

/** Matrix products over the last two axes. */
export interface LinalgOps {
  matmul: Op<2, { readonly transA: boolean; readonly transB: boolean }>;
}

/**
 * Convolution and pooling. `maxPoolGrad(x, g)` writes g to the position of the first maximum of each window;
 * `maxPoolPick(x, u)`, its adjoint, reads u there.
 */
export interface ConvOps {
  conv: Op<2, ConvAttrs>;
  convInputGrad: Op<2, ConvAttrs & { readonly inputSize: Ints }>;
  convWeightGrad: Op<2, ConvAttrs & { readonly kernelSize: Ints }>;
  maxPool: Op<1, PoolAttrs>;
  maxPoolGrad: Op<2, PoolAttrs>;
  maxPoolPick: Op<2, PoolAttrs>;
  sumPool: Op<1, PoolAttrs>;
  sumPoolGrad: Op<1, PoolAttrs & { readonly inputSize: Ints }>;
}

/** Sources have no tensor operands, so they run on a named backend; the operand of `full` is the number. */
export interface SourceOps {
  full: Op<1, { readonly shape: Shape; readonly dtype: DType }>;
  iota: Op<0, { readonly shape: Shape; readonly axis: number; readonly dtype: DType }>;
  randomBits: Op<0, RandomAttrs>;
  randomUniform: Op<0, RandomAttrs>;
}

/**
 * Attributes are canonical here: axes are non-negative and sorted, lists are complete, shapes have no -1. The public
 * functions make them so. The operands of an elementwise primitive share one dtype (the functions cast).
 * Any operand but the first tensor of an operation may be a plain number.
 */
export interface Ops extends ElementwiseOps, ReduceOps, MovementOps, IndexingOps, LinalgOps, ConvOps, SourceOps {}

export type OpName = keyof Ops;
export type Attrs<K extends OpName> = Ops[K]["attrs"];
