// What is pending: nodes that were recorded and have not run, values whose last handle was released meanwhile, and
// failures that have not been reported yet.
import type { IndexError, Tensor } from "@weft/tensor";
import { context, untaped } from "@weft/tensor/internals";
import type { Fault } from "../graph/fault.ts";
import { nodeOf, type Node, type Storage } from "../graph/node.ts";
import type { Failure, Flusher } from "./flush.ts";
import type { Unowned } from "./unowned.ts";

/** So many pending operations are run without a read. */
const PENDING = 10_000;

/** The backend, which the context asks to flush. */
type Owner = typeof context.pending extends Set<infer T> ? T : never;

export class Pending<S extends Storage, E> {
  readonly #owner: Owner;
  readonly #flusher: Flusher<S, E>;
  readonly #unowned: Unowned<S>;
  #nodes: Node[] = [];
  /** Values whose last handle was released while pending nodes may read them. */
  #released: Node[] = [];
  /** How many operations must be pending before they are run early again, after there was no memory for them. */
  #crowd = 0;
  /** Why boxes were rolled back, until that is reported. */
  #untold: Error | undefined;
  /** The wrong index for which they were, if the device reported it later. */
  #late: Fault | undefined;

  constructor(owner: Owner, flusher: Flusher<S, E>, unowned: Unowned<S>) {
    this.#owner = owner;
    this.#flusher = flusher;
    this.#unowned = unowned;
  }

  get size(): number {
    return this.#nodes.length;
  }

  add(node: Node): void {
    if (this.#nodes.push(node) === 1) context.pending.add(this.#owner);
  }

  /** Runs what is pending early, if there are many operations. */
  limit(): void {
    if (this.#nodes.length >= PENDING) this.runEarly();
  }

  /** Releases a handle. */
  releaseHandle(node: Node): void {
    if (--node.handles > 0 || node.storage === undefined) return;
    if (this.#nodes.length > 0) this.#released.push(node);
    else this.#flusher.runner.freeNode(node);
  }

  flush(results?: readonly Tensor[]): void {
    const failure = this.run();
    const isLost = (x: Tensor): boolean => nodeOf(untaped(x)).lost !== undefined;
    // A caller that waits for certain results hears of failures of these only; readers of the others hear of theirs.
    const told = failure?.rolledBack === true || results === undefined || results.some(isLost);
    const error = told && failure !== undefined ? failure.error : (this.#untold ?? this.#late?.error());
    this.#untold = this.#late = undefined;
    if (this.#nodes.length === 0) context.pending.delete(this.#owner);
    if (error !== undefined) throw error;
  }

  /**
   * Throws, to the reader of a value, what went wrong when it was computed. A failure of other values is kept for
   * later.
   */
  tell(node: Node, failure: Failure | undefined): void {
    if (node.lost !== undefined && this.#untold === node.lost) this.#untold = undefined;
    if (failure === undefined) return;
    const fault = node.fault?.now();
    const isOfFailure = node.lost !== undefined && failure.nodes?.includes(node) === true;
    const own = isOfFailure || (fault?.wrong === true && fault.cause === failure.fault?.cause);
    if (failure.rolledBack && !own) {
      this.#untold ??= failure.error;
      context.pending.add(this.#owner);
    }
    if (node.lost !== undefined) throw node.lost;
  }

  /** The device has reported a wrong index late, and boxes were rolled back: the next flush throws it. */
  tellLater(fault: Fault): void {
    this.#late ??= fault.cause;
    context.pending.add(this.#owner);
  }

  /** A read throws this fault. */
  heard(fault: Fault): IndexError {
    if (this.#late === fault.cause) this.#late = undefined;
    return fault.error();
  }

  /**
   * Runs what is pending without a read; a failure is reported later. If there is not enough memory it waits for a
   * read, or until many more operations are pending.
   */
  runEarly(): void {
    if (this.#nodes.length < this.#crowd || this.#flusher.runner.lent) return;
    const failure = this.run(this.#crowd === 0);
    this.#crowd = failure?.crowded === true ? this.#nodes.length + PENDING / 10 : 0;
    if (failure?.rolledBack !== true) return;
    this.#untold ??= failure.error;
    context.pending.add(this.#owner);
  }

  run(patient = false): Failure | undefined {
    this.#flusher.runner.refuseLent();
    const pending = this.#nodes;
    let failure: Failure | undefined;
    if (patient) this.#freeReleased(pending);
    context.pending.delete(this.#owner);
    this.#nodes = [];
    const { caller } = context;
    context.caller = undefined; // what runs now was called by other functions
    try {
      if (pending.length > 0) failure = this.#flusher.flush(pending, patient);
      return failure;
    } finally {
      context.caller = caller;
      if (failure?.crowded === true) {
        this.#nodes = pending;
        context.pending.add(this.#owner);
      } else {
        this.#crowd = 0;
        this.#ran();
        // A read has run what was pending, and has not told of what others must hear.
        if (this.#untold !== undefined || this.#late !== undefined) context.pending.add(this.#owner);
      }
    }
  }

  #ran(): void {
    this.#unowned.computed();
    this.#freeReleased([]);
    this.#flusher.trial.told();
    this.#unowned.afterFlush();
  }

  /**
   * Frees values whose last handle was released while operations were pending, except those that pending nodes need.
   */
  #freeReleased(pending: readonly Node[]): void {
    const released = this.#released;
    if (released.length === 0) return;
    this.#released = [];
    const needed = pending.length === 0 ? undefined : this.#flusher.neededBy(pending);
    for (const node of released) {
      if (needed?.has(node) === true) this.#released.push(node);
      // Otherwise a box was rolled back to it.
      else if (node.handles === 0) this.#flusher.runner.freeNode(node);
    }
  }
}
