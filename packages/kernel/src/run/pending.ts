// What is pending: nodes that were recorded and have not run, values that lost their last handle meanwhile, and failures that nobody
// has been told of yet.
import type { Tensor } from "@weft/tensor";
import { context, untaped } from "@weft/tensor/internals";
import { nodeOf, type Node, type Storage } from "../graph/node.ts";
import type { Failure, Flusher } from "./flush.ts";
import type { Unowned } from "./unowned.ts";

/** So many pending operations are run without being asked for. */
const PENDING = 10_000;

/** Whom the context asks to flush. */
type Owner = typeof context.pending extends Set<infer T> ? T : never;

export class Pending<S extends Storage, E> {
  readonly #owner: Owner;
  readonly #flusher: Flusher<S, E>;
  readonly #unowned: Unowned<S>;
  #nodes: Node[] = [];
  /** Values whose last handle ended while pending nodes may read them. */
  #released: Node[] = [];
  /** So many operations have to be pending before they are run early again: more than when there was no memory for them. */
  #crowd = 0;
  /** Why boxes were put back, until somebody is told. */
  #untold: Error | undefined;

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

  /** Runs what is pending early, if it is much. */
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
    // Who waits for certain results has nothing to do with others: those who read them are told.
    const told = failure?.rolledBack === true || results === undefined || results.some(isLost);
    const error = told && failure !== undefined ? failure.error : this.#untold;
    this.#untold = undefined;
    if (error !== undefined) throw error;
  }

  /** Tells who waits for a value what went wrong when it was computed: a failure is its own only if it was lost by it. */
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

  /**
   * Runs what is pending though nobody has asked: whom a failure concerns is told later. Where there is no memory it waits until
   * somebody asks, or until much more is pending.
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
    context.caller = undefined; // what runs now, others have called
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
      }
    }
  }

  #ran(): void {
    this.#unowned.computed();
    this.#freeReleased([]);
    this.#unowned.afterFlush();
  }

  /** Ends what lost its last handle while operations were pending, but for what those that still are need. */
  #freeReleased(pending: readonly Node[]): void {
    const released = this.#released;
    if (released.length === 0) return;
    this.#released = [];
    const needed = pending.length === 0 ? undefined : this.#flusher.neededBy(pending);
    for (const node of released) {
      if (needed?.has(node) === true) this.#released.push(node);
      // A box may have gone back to it.
      else if (node.handles === 0) this.#flusher.runner.freeNode(node);
    }
  }
}
