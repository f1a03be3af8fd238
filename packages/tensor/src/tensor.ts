// The tensor: a handle on a value that an interpreter holds. The methods that make formulas readable are in
// `methods.ts`.
/// <reference lib="esnext.disposable" preserve="true" />
import { read } from "./apply.ts";
import { sizeOf } from "./axes.ts";
import type { Scope } from "./context.ts";
import type { Creation } from "./creation.ts";
import type { DType, TypedArray } from "./dtype.ts";
import { BRAND, CONTRACT, type Backend, type Interpreter } from "./interpreter.ts";
import { TensorMethods } from "./methods.ts";
import type { Shape } from "./ops.ts";
import { primitive, print } from "./printing.ts";
import { load, loadSync, nest, numbers, only, type Nested } from "./reading.ts";

/**
 * Values of one dtype in a shape, held by a backend. Methods return new tensors; nothing changes one in place.
 *
 * @example
 * const x = tensor([[1, 2], [3, 4]]);
 * x.matmul(x).sum({ axis: 0 }); // [22, 32]
 */
export class Tensor extends TensorMethods {
  readonly shape: Shape;
  readonly dtype: DType;
  /** Runs the operations on this tensor. */
  readonly interpreter: Interpreter;
  /** Private to the interpreter. */
  readonly payload: unknown;
  /** The scope that will release this handle; null if none will. */
  owner: Scope | null = null;
  /** Why the handle was released (a scope's label, or where `release()` was called); undefined while it is live. */
  ended: string | Error | undefined = undefined;

  constructor(interpreter: Interpreter, shape: Shape, dtype: DType, payload: unknown) {
    super();
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
   * A copy of the elements in row-major order: `f32` as Float32Array, `f64` as Float64Array, `i32` as Int32Array,
   * `bool` (0 and 1) and `u8` as Uint8Array, `f16` and `bf16` as their bits in a Uint16Array.
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
  /** `data()` without waiting, where the backend can; otherwise an UnsupportedError. */
  dataSync(): TypedArray {
    return loadSync(this, "dataSync");
  }
  /** `item()` without waiting, where the backend can; otherwise an UnsupportedError. */
  itemSync(): number {
    return numbers(this, loadSync(only(this, "itemSync"), "itemSync"))[0]!;
  }
  /** `array()` without waiting, where the backend can; otherwise an UnsupportedError. */
  arraySync(): Nested {
    return nest(numbers(this, loadSync(this, "arraySync")), this.shape);
  }

  /**
   * Releases this handle now; using it later is an error that says where this was called. On a tape that still records
   * it does nothing: the tape needs its values for the backward pass.
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
  /** Converts to text; throws an ArgumentError where JavaScript wants a number, as in `loss < best`. */
  [Symbol.toPrimitive](hint: string): string {
    return primitive(this, hint, "await x.item()");
  }
  toJSON(): { shape: Shape; dtype: DType } {
    return { shape: this.shape, dtype: this.dtype };
  }
}
