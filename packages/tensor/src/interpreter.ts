// An interpreter runs operations; a backend is an interpreter that holds data; a tape is an interpreter around another.
import type { DType, TypedArray } from "./dtype.ts";
import type { FusedOp } from "./fused.ts";
import type { Attrs, OpName, Shape } from "./ops.ts";
import type { Tensor } from "./tensor.ts";

/** The number of this contract. Packages that carry the same one work together, whatever their versions. */
export const CONTRACT = 2;
export const VERSION = "0.1.0";
/** Marks tensors and boxes of every copy of this package; the value is the contract number. */
export const BRAND: unique symbol = Symbol.for("weft.tensor");

/** What an interpreter receives: tensors (boxes are already read) and plain numbers. */
export type Value = Tensor | number;

/** A value in a box (`param`, `state`): operations read it when they are called. */
export interface Box {
  readonly [BRAND]: number;
  /** Where the value lives; undefined before there is one. */
  readonly backend?: Backend | undefined;
  /**
   * The tensor that an operation computes with now: on a tape if one is recording, else the plain value. A box without a value takes
   * its first one on `backend`, where the other operands are.
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
  /** 0 for a backend; a tape stands one above what it wraps. The highest level among the operands runs an operation. */
  readonly level: number;
  /** The backend at the bottom. */
  readonly backend: Backend;
  /** Shape and dtype have been worked out and checked; every tensor operand is at this level or below. */
  run<K extends OpName>(op: K, inputs: readonly Value[], attrs: Attrs<K>, shape: Shape, dtype: DType): Tensor;
  /** Runs a fused operation as one, or returns undefined: then its fallback runs. */
  runFused(fused: FusedOp, inputs: readonly Value[], attrs: unknown): readonly Tensor[] | undefined;
  /** A tape answers with the tensor one level down (and, once closed, stands for it everywhere); a backend with undefined. */
  lower?(x: Tensor): Tensor;
  readonly closed?: boolean;
}

export interface Backend extends Interpreter {
  readonly level: 0;
  /** Copies host data to the backend. The length has been checked against the shape. */
  upload(data: TypedArray, shape: Shape, dtype: DType): Tensor;
  /** Throws a MemoryError where an upload of so many bytes would: for whoever makes the data first. */
  roomFor?(bytes: number): void;
  /** A copy in an ordinary ArrayBuffer, row-major. Runs what is pending. */
  read(x: Tensor): Promise<TypedArray>;
  readSync?(x: Tensor): TypedArray;
  /** The elements themselves, in the backend's memory, for as long as `f` runs: see `borrow`. */
  borrow?<R>(x: Tensor, f: (elements: TypedArray) => R): R;
  /** The elements, if they are known here without running or waiting; not to be changed. For printing. */
  peek?(x: Tensor): TypedArray | undefined;
  /** One handle on a value ends (the caller has set `ended`); its storage is free once nothing pending uses it. */
  release(x: Tensor): void;
  /** The handle has no scope any more: the garbage collector is its only net. */
  unowned(x: Tensor): void;
  /** A scope takes a handle that had none. */
  owned(x: Tensor): void;
  /** Another handle on the same value, with neither scope nor net: whoever asked releases it. */
  retain(x: Tensor): Tensor;
  /**
   * `next`, from `retain`, takes the place of `old` in a box (of none, if it is the box's first). Should it not be computed, because a
   * launch fails, `next` becomes a handle on the value of `old` again.
   */
  supersede?(next: Tensor, old: Tensor | undefined): void;
  /**
   * Runs every pending operation that a living handle needs. Throws if something failed; if results are named, only if boxes had to be
   * put back or one of these was lost.
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
