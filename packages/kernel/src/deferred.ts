// The deferred backend, which puts this package together: it records operations, and a flush plans and runs those that
// living handles need.
import {
  Tensor,
  type Attrs,
  type Backend,
  type DType,
  type FusedOp,
  type OpName,
  type RandomStream,
  type Shape,
  type TypedArray,
  type Value,
} from "@weft/tensor";
import { CONTRACT, randomStream, type Step } from "@weft/tensor/internals";
import { nodeOf, type Storage } from "./graph/node.ts";
import type { Driver } from "./run/driver.ts";
import { Flusher } from "./run/flush.ts";
import { Pending } from "./run/pending.ts";
import { Reader } from "./run/reader.ts";
import { Recorder } from "./run/recorder.ts";
import { Runner } from "./run/runner.ts";
import { undo } from "./run/unit.ts";
import { Unowned } from "./run/unowned.ts";

/** Requests of at most so many bytes are not checked in advance. */
const FEW = 2 ** 20;

export interface DeferredOptions {
  /** False runs every operation by itself; results do not change. */
  readonly fuse?: boolean;
  readonly seed?: number;
}

export interface DeferredStats {
  /** Living storages and their bytes. */
  readonly live: number;
  readonly bytes: number;
  /** Flushes that ran something, plans made, kernels generated, launches run. */
  readonly flushes: number;
  readonly plans: number;
  readonly kernels: number;
  readonly launches: number;
  readonly pending: number;
  /** Bytes of living storages with values that no scope owns, and bytes of such values that were evicted so far. */
  readonly unowned: number;
  readonly moved: number;
}

const uncloneable = Symbol("a tensor lives on its backend: pass on await x.data() with its shape");

export class Deferred<S extends Storage, E> implements Backend {
  /**
   * A copy of a tensor by its fields (`structuredClone`, `postMessage`) meets this symbol and throws an error that
   * shows its text.
   */
  readonly uncloneable: symbol = uncloneable;
  readonly level = 0;
  readonly contract = CONTRACT;
  readonly name: string;
  readonly version: string;
  readonly stream: RandomStream;
  readonly #runner: Runner<S, E>;
  readonly #flusher: Flusher<S, E>;
  readonly #pending: Pending<S, E>;
  readonly #recorder: Recorder<S, E>;
  readonly #reader: Reader<S, E>;
  readonly #unowned: Unowned<S>;
  readonly #counts = { live: 0, bytes: 0, flushes: 0, plans: 0, launches: 0 };

  constructor(driver: Driver<S, E>, { fuse = true, seed = 0 }: DeferredOptions = {}) {
    this.name = driver.name;
    this.version = driver.version;
    this.stream = randomStream(seed);
    this.#unowned = new Unowned(driver, this.#counts, (node) => this.#pending.releaseHandle(node));
    driver.relieved(this.#unowned);
    this.#runner = new Runner(driver, fuse, this.#counts, this.#unowned);
    this.#flusher = new Flusher(driver, this.#runner, {
      release: (node) => this.#pending.releaseHandle(node),
      tell: (fault) => this.#pending.tellLater(fault),
    });
    this.#pending = new Pending(this, this.#flusher, this.#unowned);
    this.#recorder = new Recorder(this, driver, this.#flusher, this.#pending, this.#unowned, fuse);
    this.#reader = new Reader(driver, this.#flusher, this.#pending, this.#unowned);
  }

  get backend(): this {
    return this;
  }

  run<K extends OpName>(op: K, inputs: readonly Value[], attrs: Attrs<K>, shape: Shape, dtype: DType): Tensor {
    return this.#recorder.record(op, inputs, attrs, shape, dtype);
  }

  runFused(fused: FusedOp, inputs: readonly Value[], attrs: unknown): readonly Tensor[] | undefined {
    return this.#recorder.fused(fused, inputs, attrs);
  }

  upload(data: TypedArray, shape: Shape, dtype: DType): Tensor {
    return this.#recorder.upload(data, shape, dtype);
  }

  roomFor(bytes: number): void {
    if (bytes > FEW) this.#runner.free(this.#runner.allocate(bytes));
  }

  read(x: Tensor): Promise<TypedArray> {
    return this.#reader.read(x);
  }

  /** Like `read`, where the driver answers at once. */
  readNow(x: Tensor): TypedArray {
    return this.#reader.now(x);
  }

  /** Drops all plans, before the driver ends. */
  protected forget(): void {
    this.#runner.forget();
  }

  /** Implements `borrow` of a backend whose driver has `view`. */
  protected lend<R>(x: Tensor, f: (elements: TypedArray) => R): R {
    return this.#reader.lend(x, f);
  }

  /** The elements, if they are in storage in row-major order: nothing runs. */
  protected stored(x: Tensor): TypedArray | Promise<TypedArray> | undefined {
    return this.#reader.stored(x);
  }

  retain(x: Tensor): Tensor {
    const node = nodeOf(x);
    node.handles++;
    return new Tensor(this, x.shape, x.dtype, node);
  }

  release(x: Tensor): void {
    if (x.owner === null) this.#unowned.remove(x);
    this.#pending.releaseHandle(nodeOf(x));
  }

  unowned(x: Tensor): void {
    this.#unowned.add(x);
  }

  owned(x: Tensor): void {
    this.#unowned.remove(x);
  }

  supersede(next: Tensor, old: Tensor | undefined): void {
    this.#flusher.journal.note(next, old?.interpreter === this ? old : undefined);
  }

  flush(results?: readonly Tensor[]): void {
    this.#pending.flush(results);
  }

  rollBack(step: Step, reason: Error): void {
    undo(this.#flusher.journal.rollBack(step), reason);
  }

  stats(): DeferredStats {
    const { bytes: unowned, moved } = this.#unowned;
    const { kernels } = this.#runner;
    return { ...this.#counts, kernels, pending: this.#pending.size, unowned, moved };
  }
}
