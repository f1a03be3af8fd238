// An interpreter runs operations. A backend is an interpreter that holds data; a tape is an interpreter around another
// one.
import type { DType, TypedArray } from "./dtype.ts";
import type { FusedOp } from "./fused.ts";
import type { Attrs, OpName, Shape } from "./ops.ts";
import type { Tensor } from "./tensor.ts";

/** The number of this contract. Packages with the same number work together, whatever their versions. */
export const CONTRACT = 3;
export const VERSION = "0.1.0";
/** Marks the tensors and boxes of every copy of this package; the value is the contract number. */
export const BRAND: unique symbol = Symbol.for("weft.tensor");

/** What an interpreter receives: tensors (boxes are already read) and plain numbers. */
export type Value = Tensor | number;

/** A value in a box (`param`, `state`): operations read it when they are called. */
export interface Box {
  readonly [BRAND]: number;
  /** Where the value lives; undefined while there is none. */
  readonly backend?: Backend | undefined;
  /**
   * The tensor that an operation computes with now: on a tape if one is recording, otherwise the plain value. A box
   * without a value is initialized on `backend`, where the other operands are.
   */
  read(backend?: Backend): Tensor;
}

/** What the public functions take. */
export type Operand = Tensor | Box | number;

export interface Interpreter {
  /** For messages: the package's name and version. */
  readonly name: string;
  readonly version: string;
  readonly contract: number;
  /**
   * 0 for a backend; a tape is one level above what it wraps. The highest interpreter among the operands runs an
   * operation.
   */
  readonly level: number;
  /** The backend at the bottom. */
  readonly backend: Backend;
  /** Shape and dtype have been worked out and checked; every tensor operand is at this level or below. */
  run<K extends OpName>(op: K, inputs: readonly Value[], attrs: Attrs<K>, shape: Shape, dtype: DType): Tensor;
  /** Runs a fused operation as one, or returns undefined: then its fallback runs. */
  runFused(fused: FusedOp, inputs: readonly Value[], attrs: unknown): readonly Tensor[] | undefined;
  /** On a tape: the tensor one level below. Once the tape is closed, x stands for that tensor everywhere. */
  lower?(x: Tensor): Tensor;
  readonly closed?: boolean;
}

export interface Backend extends Interpreter {
  readonly level: 0;
  /** Copies host data to the backend. The length has been checked against the shape. */
  upload(data: TypedArray, shape: Shape, dtype: DType): Tensor;
  /** Throws a MemoryError if an upload of so many bytes would, for callers that have yet to make the data. */
  roomFor?(bytes: number): void;
  /** A copy in an ordinary ArrayBuffer, row-major. Runs pending operations. */
  read(x: Tensor): Promise<TypedArray>;
  readSync?(x: Tensor): TypedArray;
  /** The elements themselves, in the backend's memory, for as long as `f` runs: see `borrow`. */
  borrow?<R>(x: Tensor, f: (elements: TypedArray) => R): R;
  /** The elements, if they are known without running or waiting. For printing; not to be changed. */
  peek?(x: Tensor): TypedArray | undefined;
  /**
   * Releases a handle (the caller has set `ended`). Its storage is freed once no other handle and nothing pending uses
   * it.
   */
  release(x: Tensor): void;
  /** No scope owns the handle any more: only the garbage collector can release it. */
  unowned(x: Tensor): void;
  /** A scope takes ownership of a handle that had no scope. */
  owned(x: Tensor): void;
  /** Replaces, in place, operands of other backends by tensors of its own: for backends without values. */
  adopt?(operands: Value[]): void;
  /** Another handle on the same value, which neither a scope nor the garbage collector releases: the caller does. */
  retain(x: Tensor): Tensor;
  /**
   * `next`, from `retain`, replaces `old` in a box (undefined if it is the box's first value). If a launch fails and
   * `next` cannot be computed, it becomes a handle on the value of `old` again.
   */
  supersede?(next: Tensor, old: Tensor | undefined): void;
  /**
   * Runs every pending operation that a live handle needs. Throws if something failed; if results are named, only if
   * boxes had to be rolled back or one of the results was lost.
   */
  flush(results?: readonly Tensor[]): void;
  /** The stream that operations without a seed of their own draw from. */
  readonly stream: RandomStream;
}

/** A key and the next counter. */
export interface RandomStream {
  key: readonly [number, number];
  counter: number;
}
