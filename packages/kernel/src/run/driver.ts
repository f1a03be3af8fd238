// What a backend gives to the deferred graph: memory, and a way to make a plan executable and to run it.
import type { DType, TypedArray } from "@weft/tensor";
import type { Fault } from "../graph/fault.ts";
import type { Node, Storage } from "../graph/node.ts";
import type { Arrange } from "../plan/chain.ts";
import type { Plan } from "../plan/plan.ts";
import type { CallTraits } from "../plan/traits.ts";
import type { AnyOp } from "../graph/operation.ts";
import type { Trial } from "./trial.ts";

/** What a driver asks for when its memory is full. */
export interface Relief {
  /** Bytes of values that have been moved out of it and count all the same. */
  readonly evictedBytes: number;
  /** Makes room for so many bytes more than are used. Says whether to try again. */
  spare(more: number, used: number): boolean;
  /** What to do about it, for the message. */
  advice(): string;
}

/** One run of a plan. */
export interface Run<S> {
  readonly needed: readonly Node[];
  readonly leaves: readonly Node[];
  /** Those of leaves and outputs, by slot. */
  readonly storages: S[];
  /** Whether an output has the storage of a leaf that is needed again if the run fails. */
  careful: boolean;
  /** Whether it may find a wrong index that boxes must not see: then no leaf is written over before the last index is checked. */
  open: boolean;
  /** Set by the driver before it first writes over a leaf. Until then a careful run ends where an index is out of range. */
  overwritten: boolean;
  readonly found: Map<Node, Fault>;
}

export interface Driver<S extends Storage, E> {
  readonly name: string;
  readonly version: string;
  /** Bytes that one storage may have (any number, if left out): a multiple of 64. No value of a plan lies across a multiple of it. */
  readonly largest?: number;
  /** Storage of at least this many bytes, with `refs` 0. Throws a MemoryError when there is none. */
  allocate(bytes: number): S;
  free(storage: S): void;
  /** Bytes that all storages may take. */
  readonly limit: number;
  /** Told before anything is allocated: whom to ask when there is no memory. */
  relieved(by: Relief): void;
  /** A copy of the bytes in an array of JavaScript's, and an end to their place here, until `restore` gives them another. Only where that is done at once. */
  evict?(storage: S): Uint8Array;
  restore?(storage: S, data: Uint8Array): void;
  write(storage: S, data: TypedArray): void;
  /** The elements of a row-major value where they lie, for drivers whose memory is the host's. */
  view?(storage: S, offset: number, length: number, dtype: DType): TypedArray;
  /** The elements of a row-major value. */
  read(storage: S, offset: number, length: number, dtype: DType): TypedArray | Promise<TypedArray>;
  /** What it has for calls of this operation; undefined if that is a fused one for which it has no kernel. */
  traits(op: AnyOp): CallTraits | undefined;
  /** Whether reductions can run an epilogue on each result (false). */
  readonly reductionEpilogues?: boolean;
  /** Puts launches together once more: how a driver that runs chains gets them (`chained`). */
  readonly arrange?: Arrange;
  /** Whether a run that has ended has found every wrong index (false). */
  readonly findsAtOnce?: boolean;
  /** Dtypes that values may have; a clear error otherwise. */
  supports(dtype: DType): boolean;
  prepare(plan: Plan): E;
  /**
   * For memory that a device may turn out not to have: the number of the last allocation, 0 when all that was asked for is known to be
   * there. A careful run that finds itself in doubt ends before it writes. The trial is told how it comes out.
   */
  doubt?(): number;
  tried?(by: Trial): void;
  /**
   * Runs a plan. What can be known to be missing (memory, a kernel that does not compile) throws before anything is written. Puts the
   * calls that met an index out of range into `run.found`, or those that may have.
   */
  run(prepared: E, plan: Plan, run: Run<S>): void;
  /** Throws what makes every call fail from now on, such as the loss of a device. */
  check?(): void;
  /** A plan that fell out of the cache. */
  drop(prepared: E): void;
}
