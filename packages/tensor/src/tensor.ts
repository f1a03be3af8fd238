// The tensor: a handle on a value that an interpreter holds. Methods that make formulas readable are one line each.
import type { Scope } from "./context.ts";
import type { DType, TypedArray } from "./dtype.ts";
import { BRAND, CONTRACT, type Backend, type Interpreter } from "./interpreter.ts";
import type { Shape } from "./ops.ts";

export class Tensor {
  /** The scope that ends this handle; null when none does. */
  owner: Scope | null = null;
  /** Why the handle ended (a scope's label, or where `release()` was called); undefined while it lives. */
  ended: string | Error | undefined = undefined;

  /** Runs the operations on this tensor. */
  readonly interpreter: Interpreter;
  readonly shape: Shape;
  readonly dtype: DType;
  /** The interpreter's own affair. */
  readonly payload: unknown;

  constructor(interpreter: Interpreter, shape: Shape, dtype: DType, payload: unknown) {
    this.interpreter = interpreter;
    this.shape = shape;
    this.dtype = dtype;
    this.payload = payload;
  }

  get [BRAND](): number {
    return CONTRACT;
  }
  get backend(): Backend {
    return this.interpreter.backend;
  }
  get size(): number {
    return this.shape.reduce((n, d) => n * d, 1);
  }
  get rank(): number {
    return this.shape.length;
  }
  // ... data, item, array, dataSync, itemSync, arraySync, release, methods: to be completed
  data(): Promise<TypedArray> {
    throw new Error("to be completed");
  }
}
