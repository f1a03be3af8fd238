// What a backend gives to the deferred graph: memory, and a way to make a plan executable and to run it.
import type { DType, TypedArray } from "@weft/tensor";
import type { Fault } from "../graph/fault.ts";
import type { Node, Storage } from "../graph/node.ts";
import type { Arrange } from "../plan/chain.ts";
import type { Plan } from "../plan/plan.ts";
import type { CallTraits } from "../plan/traits.ts";
import type { AnyOp } from "../graph/operation.ts";
import type { Trial } from "./trial.ts";

/** Whom a driver asks for room when its memory is full. */
export interface Relief {
  /** Bytes of evicted values, which count as if they were in memory. */
  readonly evictedBytes: number;
  /** Makes room for `more` bytes beside the `used` ones. Returns whether to try again. */
  spare(more: number, used: number): boolean;
  /** Advice for the message of the MemoryError. */
  advice(): string;
}

/** One run of a plan. */
export interface PlanRun<S> {
  readonly needed: readonly Node[];
  readonly leaves: readonly Node[];
  /** The storage of leaves and outputs, by slot. */
  readonly storages: S[];
  /** Whether an output reuses the storage of a leaf that is needed again if the run fails. */
  careful: boolean;
  /**
   * Whether it may find a wrong index that boxes must not see: then no leaf is overwritten before the last index is
   * checked.
   */
  open: boolean;
  /** Set by the driver before it first overwrites a leaf. Until then a careful run stops at an index out of range. */
  overwritten: boolean;
  readonly found: Map<Node, Fault>;
}

export interface Driver<S extends Storage, E> {
  readonly name: string;
  readonly version: string;
  /**
   * The most bytes of one storage (default: no bound), a multiple of 64. No value of a plan crosses a multiple of it.
   */
  readonly largest?: number;
  /** Storage of at least this many bytes, with `refs` 0. Throws a MemoryError when there is none. */
  allocate(bytes: number): S;
  free(storage: S): void;
  /** The most bytes of all storages together. */
  readonly limit: number;
  /** Called before anything is allocated: says whom to ask when there is no memory. */
  relieved(by: Relief): void;
  /**
   * Copies the bytes to a JavaScript array and frees their memory here, until `restore` allocates other memory for
   * them. Only for drivers that can do so synchronously.
   */
  evict?(storage: S): Uint8Array;
  restore?(storage: S, data: Uint8Array): void;
  write(storage: S, data: TypedArray): void;
  /** The elements of a row-major value in place, for drivers whose memory is the host's. */
  view?(storage: S, offset: number, length: number, dtype: DType): TypedArray;
  /** The elements of a row-major value. */
  read(storage: S, offset: number, length: number, dtype: DType): TypedArray | Promise<TypedArray>;
  /** The traits of calls of this operation; undefined for a fused operation without a kernel here. */
  traits(op: AnyOp): CallTraits | undefined;
  /**
   * Whether a call of this operation may throw while a plan runs: its kernel is of a package outside. No leaf is
   * overwritten before it has run.
   */
  mayThrow?(op: AnyOp): boolean;
  /** Whether reductions can run an epilogue on each result (false). */
  readonly reductionEpilogues?: boolean;
  /** Rearranges launches: a driver that runs chains passes `chained`. */
  readonly arrange?: Arrange;
  /** Whether every wrong index is known when `run` returns (false). */
  readonly findsAtOnce?: boolean;
  /** Whether values may have this dtype; others are refused with an error. */
  supports(dtype: DType): boolean;
  prepare(plan: Plan): E;
  /**
   * For devices that report only later that memory was missing or a kernel did not compile: the number of the last
   * thing that may turn out to be missing, 0 when all are known to be there. A careful run that finds itself in doubt
   * stops before it overwrites. The trial is told the outcome, and after each report of indices (`Fault.tell`).
   */
  doubt?(): number;
  tried?(by: Trial): void;
  /**
   * Runs a plan. What can be known to be missing (memory, a kernel that does not compile) throws before anything is
   * written. Adds to `run.found` the calls that met, or may have met, an index out of range.
   */
  run(prepared: E, plan: Plan, run: PlanRun<S>): void;
  /** Throws if every call fails from now on, for example because the device was lost. */
  check?(): void;
  /** Frees a plan that was evicted from the cache. */
  drop(prepared: E): void;
}
