// The tensor: a handle on a value that an interpreter holds. Methods that make formulas readable call the functions of the
// same name, whose documentation says what they do.
/// <reference lib="esnext.disposable" preserve="true" />
import { clamp, elu, gelu, greater, greaterEqual, leakyRelu, notEqual } from "./activations.ts";
import { reciprocal, rsqrt, selu, silu, softplus, square } from "./activations.ts";
import { read } from "./apply.ts";
import { sizeOf, type Axes } from "./axes.ts";
import type { Scope } from "./context.ts";
import type { Creation } from "./creation.ts";
import type { DType, TypedArray } from "./dtype.ts";
import {
  abs,
  acos,
  add,
  and,
  asin,
  asinh,
  atan,
  atan2,
  atanh,
  cast,
  ceil,
  cos,
  cosh,
  div,
  equal,
  erf,
} from "./elementwise.ts";
import {
  exp,
  expm1,
  floor,
  isFinite,
  isNaN,
  less,
  lessEqual,
  log,
  log1p,
  maximum,
  minimum,
  mod,
  mul,
} from "./elementwise.ts";
import { neg, not, or, pow, relu, round, sigmoid, sign, sin, sinh, sqrt, sub, tan, tanh } from "./elementwise.ts";
import { logSoftmax, softmax } from "./fused/softmax.ts";
import { gather, take } from "./indexing.ts";
import { BRAND, CONTRACT, type Backend, type Interpreter, type Operand } from "./interpreter.ts";
import { matmul } from "./linalg.ts";
import { broadcastTo, flatten, flip, permute, reshape, slice, squeeze, transpose, unsqueeze } from "./movement.ts";
import type { SliceOptions } from "./movement.ts";
import type { Shape } from "./ops.ts";
import { primitive, print } from "./printing.ts";
import { load, loadSync, nest, numbers, only, type Nested } from "./reading.ts";
import { argmax, argmin, cumsum, max, min, sum, type PositionOptions, type ReduceOptions } from "./reduce.ts";
import { all, any, logSumExp, mean, norm, prod, std, variance, type VarianceOptions } from "./statistics.ts";

/**
 * Values of one dtype in a shape, held by a backend. Methods give new tensors; nothing changes one in place.
 *
 * @example
 * const x = tensor([[1, 2], [3, 4]]);
 * x.matmul(x).sum({ axis: 0 }); // [22, 32]
 */
export class Tensor {
  readonly shape: Shape;
  readonly dtype: DType;
  /** Runs the operations on this tensor. */
  readonly interpreter: Interpreter;
  /** The interpreter's own affair. */
  readonly payload: unknown;
  /** The scope that ends this handle; null when none does. */
  owner: Scope | null = null;
  /** Why the handle ended (a scope's label, or where `release()` was called); undefined while it lives. */
  ended: string | Error | undefined = undefined;

  constructor(interpreter: Interpreter, shape: Shape, dtype: DType, payload: unknown) {
    this.interpreter = interpreter;
    this.shape = shape;
    this.dtype = dtype;
    this.payload = payload;
  }

  get [BRAND](): number {
    return CONTRACT;
  }
  /** Where the value lives: what `open()` returned, with its creation functions. */
  get backend(): Backend & Creation {
    return this.interpreter.backend as Backend & Creation;
  }
  /** The number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }
  /** The number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /**
   * A copy of the elements in row-major order: `f32` as Float32Array, `f64` as Float64Array, `i32` as Int32Array, `bool`
   * (0 and 1) and `u8` as Uint8Array, `f16` and `bf16` as their bits in a Uint16Array.
   */
  async data(): Promise<TypedArray> {
    return load(this, "data");
  }
  /** The number in a tensor of one element; `bool` gives 0 or 1. */
  async item(): Promise<number> {
    return numbers(this, await load(only(this, "item"), "item"))[0]!;
  }
  /** The elements as nested arrays of numbers (`bool` gives 0 or 1); a number for a scalar. */
  async array(): Promise<Nested> {
    return nest(numbers(this, await load(this, "array")), this.shape);
  }
  /** `data()` without waiting, where the backend can; else an UnsupportedError. */
  dataSync(): TypedArray {
    return loadSync(this, "dataSync");
  }
  /** `item()` without waiting, where the backend can; else an UnsupportedError. */
  itemSync(): number {
    return numbers(this, loadSync(only(this, "itemSync"), "itemSync"))[0]!;
  }
  /** `array()` without waiting, where the backend can; else an UnsupportedError. */
  arraySync(): Nested {
    return nest(numbers(this, loadSync(this, "arraySync")), this.shape);
  }

  /**
   * Ends this handle now; using it later is an error that says where this was called. On a tape that still records this
   * does nothing: the tape needs its values for the way back.
   */
  release(): void {
    if (this.ended !== undefined) return;
    const held = read(this, "release") as Tensor;
    if (held.interpreter.level > 0) return;
    held.ended = this.ended = new Error("released");
    held.owner = null;
    held.interpreter.backend.release(held);
  }
  /** `using x = …` releases x at the end of its block. */
  [Symbol.dispose](): void {
    this.release();
  }

  toString(): string {
    return print(this);
  }
  /** What `console.log` shows in Node. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return print(this);
  }
  /** The text where JavaScript wants one; an ArgumentError where it wants a number, as in `loss < best`. */
  [Symbol.toPrimitive](hint: string): string {
    return primitive(this, hint, "await x.item()");
  }
  toJSON(): { shape: Shape; dtype: DType } {
    return { shape: this.shape, dtype: this.dtype };
  }

  neg(): Tensor {
    return neg(this);
  }
  abs(): Tensor {
    return abs(this);
  }
  sign(): Tensor {
    return sign(this);
  }
  exp(): Tensor {
    return exp(this);
  }
  expm1(): Tensor {
    return expm1(this);
  }
  log(): Tensor {
    return log(this);
  }
  log1p(): Tensor {
    return log1p(this);
  }
  sqrt(): Tensor {
    return sqrt(this);
  }
  rsqrt(): Tensor {
    return rsqrt(this);
  }
  square(): Tensor {
    return square(this);
  }
  reciprocal(): Tensor {
    return reciprocal(this);
  }
  sin(): Tensor {
    return sin(this);
  }
  cos(): Tensor {
    return cos(this);
  }
  tan(): Tensor {
    return tan(this);
  }
  asin(): Tensor {
    return asin(this);
  }
  acos(): Tensor {
    return acos(this);
  }
  atan(): Tensor {
    return atan(this);
  }
  sinh(): Tensor {
    return sinh(this);
  }
  cosh(): Tensor {
    return cosh(this);
  }
  tanh(): Tensor {
    return tanh(this);
  }
  asinh(): Tensor {
    return asinh(this);
  }
  atanh(): Tensor {
    return atanh(this);
  }
  erf(): Tensor {
    return erf(this);
  }
  floor(): Tensor {
    return floor(this);
  }
  ceil(): Tensor {
    return ceil(this);
  }
  round(): Tensor {
    return round(this);
  }
  sigmoid(): Tensor {
    return sigmoid(this);
  }
  relu(): Tensor {
    return relu(this);
  }
  selu(): Tensor {
    return selu(this);
  }
  gelu(): Tensor {
    return gelu(this);
  }
  silu(): Tensor {
    return silu(this);
  }
  softplus(): Tensor {
    return softplus(this);
  }
  isNaN(): Tensor {
    return isNaN(this);
  }
  isFinite(): Tensor {
    return isFinite(this);
  }
  not(): Tensor {
    return not(this);
  }
  leakyRelu(options?: { negativeSlope?: number }): Tensor {
    return leakyRelu(this, options);
  }
  elu(options?: { alpha?: number }): Tensor {
    return elu(this, options);
  }
  cast(dtype: DType): Tensor {
    return cast(this, dtype);
  }
  add(other: Operand): Tensor {
    return add(this, other);
  }
  sub(other: Operand): Tensor {
    return sub(this, other);
  }
  mul(other: Operand): Tensor {
    return mul(this, other);
  }
  div(other: Operand): Tensor {
    return div(this, other);
  }
  pow(other: Operand): Tensor {
    return pow(this, other);
  }
  maximum(other: Operand): Tensor {
    return maximum(this, other);
  }
  minimum(other: Operand): Tensor {
    return minimum(this, other);
  }
  mod(other: Operand): Tensor {
    return mod(this, other);
  }
  atan2(other: Operand): Tensor {
    return atan2(this, other);
  }
  equal(other: Operand): Tensor {
    return equal(this, other);
  }
  notEqual(other: Operand): Tensor {
    return notEqual(this, other);
  }
  less(other: Operand): Tensor {
    return less(this, other);
  }
  lessEqual(other: Operand): Tensor {
    return lessEqual(this, other);
  }
  greater(other: Operand): Tensor {
    return greater(this, other);
  }
  greaterEqual(other: Operand): Tensor {
    return greaterEqual(this, other);
  }
  and(other: Operand): Tensor {
    return and(this, other);
  }
  or(other: Operand): Tensor {
    return or(this, other);
  }
  clamp(bounds: { min?: Operand; max?: Operand }): Tensor {
    return clamp(this, bounds);
  }
  sum(options?: ReduceOptions): Tensor {
    return sum(this, options);
  }
  mean(options?: ReduceOptions): Tensor {
    return mean(this, options);
  }
  prod(options?: ReduceOptions): Tensor {
    return prod(this, options);
  }
  max(options?: ReduceOptions): Tensor {
    return max(this, options);
  }
  min(options?: ReduceOptions): Tensor {
    return min(this, options);
  }
  any(options?: ReduceOptions): Tensor {
    return any(this, options);
  }
  all(options?: ReduceOptions): Tensor {
    return all(this, options);
  }
  norm(options?: ReduceOptions): Tensor {
    return norm(this, options);
  }
  logSumExp(options?: ReduceOptions): Tensor {
    return logSumExp(this, options);
  }
  variance(options?: VarianceOptions): Tensor {
    return variance(this, options);
  }
  std(options?: VarianceOptions): Tensor {
    return std(this, options);
  }
  argmax(options?: PositionOptions): Tensor {
    return argmax(this, options);
  }
  argmin(options?: PositionOptions): Tensor {
    return argmin(this, options);
  }
  cumsum(options?: { axis?: number; reverse?: boolean }): Tensor {
    return cumsum(this, options);
  }
  softmax(options?: { axis?: number }): Tensor {
    return softmax(this, options);
  }
  logSoftmax(options?: { axis?: number }): Tensor {
    return logSoftmax(this, options);
  }
  matmul(other: Operand): Tensor {
    return matmul(this, other);
  }
  reshape(shape: Shape): Tensor {
    return reshape(this, shape);
  }
  flatten(options?: { start?: number; end?: number }): Tensor {
    return flatten(this, options);
  }
  permute(axes: readonly number[]): Tensor {
    return permute(this, axes);
  }
  transpose(axisA?: number, axisB?: number): Tensor {
    return transpose(this, axisA, axisB);
  }
  squeeze(axis?: Axes): Tensor {
    return squeeze(this, axis);
  }
  unsqueeze(axis?: number | readonly number[]): Tensor {
    return unsqueeze(this, axis);
  }
  broadcastTo(shape: Shape): Tensor {
    return broadcastTo(this, shape);
  }
  slice(options: SliceOptions): Tensor {
    return slice(this, options);
  }
  flip(options?: { axis?: Axes }): Tensor {
    return flip(this, options);
  }
  take(indices: Operand, options?: { axis?: number }): Tensor {
    return take(this, indices, options);
  }
  gather(indices: Operand, options?: { axis?: number }): Tensor {
    return gather(this, indices, options);
  }
}
