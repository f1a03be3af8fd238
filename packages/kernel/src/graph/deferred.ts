// The deferred backend: operations become nodes, and a flush plans and runs the nodes that living handles need.
import {
  dtypeInfo,
  context,
  CONTRACT,
  own,
  randomStream,
  shapeOf,
  Tensor,
  untaped,
  UnsupportedError,
  WeftError,
  type Attrs,
  type Backend,
  type DType,
  type FusedOp,
  type Indices,
  type OpName,
  type RandomStream,
  type Shape,
  type Step,
  type TypedArray,
  type Value,
} from "@weft/tensor";
import type { Driver } from "./driver.ts";
import { folded } from "./constant.ts";
import { faultOf, rangeAfter, rangeFrom, rangeOf, siteOf, type Fault } from "./fault.ts";
import { Flusher, type Failure } from "./flush.ts";
import { Node, none, type Storage } from "./node.ts";
import { codeOf, indicesOfCode, kindOfCode, nameOf, type AnyOp } from "./operation.ts";
import { undo } from "./unit.ts";
import { Unowned } from "./unowned.ts";
import { isRowMajor, moves, rowMajor, sameShape, sizeOf } from "./view.ts";

const CAST = codeOf("cast");
/** Dtypes that a kernel of a fused operation takes, if it does not say so. */
const callDTypes: readonly DType[] = ["f32", "i32"];
/** Bytes that are not worth asking for before they are needed. */
const FEW = 2 ** 20;
/** So many pending operations are run without being asked for. */
const PENDING = 10_000;
/** After so many flushes whose plans were known, calls with indices note no more where they are: that takes time. */
const STEADY = 8;

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
  /** Bytes of living storages with values that no scope owns, and bytes of such that moved to JavaScript's memory so far. */
  readonly unowned: number;
  readonly moved: number;
}

/** What became of a value whose launch failed, as an error of the same class. */
function lostError(op: string, { dtype, shape, lost }: Node): Error {
  const Kind = lost instanceof WeftError ? (lost.constructor as typeof WeftError) : WeftError;
  const message = `${context.caller?.name ?? op}: this ${dtype}[${shape}] tensor was lost when an earlier launch failed`;
  return new Kind(`${message}: ${lost?.message}`, { cause: lost });
}

const uncloneable = Symbol("a tensor lives on its backend: pass on await x.data() with its shape");

export class Deferred<S extends Storage, E> implements Backend {
  /** Whatever would copy a tensor by its fields (`structuredClone`, `postMessage`) comes here, and says why it stops. */
  readonly uncloneable: symbol = uncloneable;
  readonly level = 0;
  readonly contract = CONTRACT;
  readonly name: string;
  readonly version: string;
  readonly stream: RandomStream;
  readonly #driver: Driver<S, E>;
  readonly #flusher: Flusher<S, E>;
  readonly #fuse: boolean;
  readonly #unowned: Unowned<S>;
  readonly #counts = { live: 0, bytes: 0, flushes: 0, plans: 0, launches: 0 };
  #pending: Node[] = [];
  /** Values whose last handle ended while pending nodes may read them. */
  #dying: Node[] = [];
  /** So many operations have to be pending before they are run early again: more than when there was no memory for them. */
  #crowd = 0;
  /** Why boxes were put back, until somebody is told. */
  #untold: Error | undefined;

  constructor(driver: Driver<S, E>, { fuse = true, seed = 0 }: DeferredOptions = {}) {
    this.#driver = driver;
    this.name = driver.name;
    this.version = driver.version;
    this.stream = randomStream(seed);
    this.#fuse = fuse;
    this.#unowned = new Unowned(driver, this.#counts, (node) => this.#drop(node));
    driver.relieved(this.#unowned);
    this.#flusher = new Flusher(driver, fuse, this.#counts, this.#unowned);
  }

  get backend(): this {
    return this;
  }

  run<K extends OpName>(op: K, inputs: readonly Value[], attrs: Attrs<K>, shape: Shape, dtype: DType): Tensor {
    return this.#record(op, inputs, attrs, shape, dtype);
  }

  runFused(fused: FusedOp, inputs: readonly Value[], attrs: unknown): readonly Tensor[] | undefined {
    if (fused.expression !== undefined) {
      const [{ shape, dtype }] = fused.infer(inputs, attrs) as [{ shape: Shape; dtype: DType }];
      return [this.#record(fused, [...inputs], undefined, shapeOf(fused.name, shape), dtype)];
    }
    const traits = this.#driver.traits(fused);
    if (traits === undefined) return undefined;
    const { dtypes = callDTypes } = traits;
    if (!inputs.every((x) => typeof x !== "number" && dtypes.includes(x.dtype))) return undefined;
    const results = fused.infer(inputs, attrs).map((r) => ({ shape: shapeOf(fused.name, r.shape), dtype: r.dtype }));
    const { shape, dtype } = results[0]!;
    if (results.length === 1) return [this.#record(fused, [...inputs], attrs, shape, dtype)];
    if (results.some((r) => r.dtype !== dtype)) return undefined;
    // Several results lie one behind another in one value.
    const size = results.reduce((n, r) => n + sizeOf(r.shape), 0);
    const whole = this.#record(fused, [...inputs], attrs, [size], dtype);
    let start = 0;
    const parts = results.map((r) => {
      const sizes = [sizeOf(r.shape)];
      const part = this.run("slice", [whole], { starts: [start], sizes, steps: [1] }, sizes, dtype);
      const result = this.run("reshape", [part], { shape: r.shape }, r.shape, dtype);
      part.release();
      start += sizes[0]!;
      return result;
    });
    whole.release();
    return parts;
  }

  #record(op: AnyOp, inputs: readonly Value[], attrs: unknown, shape: Shape, dtype: DType): Tensor {
    // A loop that reads nothing would hold all of it at once. A step is computed as a whole.
    if (this.#unowned.full && context.step === undefined) this.#runEarly();
    // `inputs` was made for this call (see apply): it becomes the node's own list.
    const nodes = inputs as (Node | number)[];
    for (let i = 0; i < nodes.length; i++) {
      const x = inputs[i]!;
      if (typeof x !== "number") {
        const node = x.payload as Node;
        if (node.lost !== undefined) throw lostError(nameOf(op), node);
        nodes[i] = node;
      }
    }
    const code = codeOf(op);
    if (kindOfCode(code) === "move") {
      const from = nodes[0] as Node;
      // The same value: another handle on it.
      if (op === "reshape" && sameShape(from.shape, shape)) {
        from.handles++;
        return own(new Tensor(this, from.shape, dtype, from));
      }
      const view = from.storage && this.#view(op as keyof typeof moves, from, attrs, shape, dtype);
      if (view !== undefined) return view;
    }
    if (dtype !== "f32" && !this.#driver.supports(dtype))
      throw new UnsupportedError(`${context.caller?.name ?? nameOf(op)}: ${this.name} has no ${dtype}`);
    const constant = this.#fuse && dtype === "f32" ? folded(op, nodes) : undefined;
    const node =
      constant === undefined
        ? new Node(op, code, nodes, attrs, shape, dtype)
        : new Node("full", codeOf("full"), [constant], undefined, shape, dtype);
    const indices = indicesOfCode(code);
    if (indices !== undefined) this.#suspect(node, indices);
    if (code === CAST || kindOfCode(code) === "move") node.range = rangeFrom(nodes[0] as Node, op, dtype);
    else if (dtype !== "f32") node.range = rangeAfter(node);
    if (this.#pending.push(node) === 1) context.pending.add(this);
    const result = own(new Tensor(this, shape, dtype, node));
    if (this.#pending.length >= PENDING) this.#runEarly();
    return result;
  }

  /** What can be known of the indices of a call. */
  #suspect(node: Node, trait: Indices): void {
    const fault = faultOf(node, trait);
    if (fault === undefined) return;
    if (fault === "open") {
      this.#flusher.open = node.open = true;
      const inputs = node.inputs as readonly Node[];
      const size = trait.size(inputs, node.attrs);
      const deep = this.#flusher.known < STEADY;
      node.site = siteOf(nameOf(node.op), trait, inputs[trait.operand]!, size, deep).site;
      return;
    }
    node.fault = fault;
    this.#flusher.faulty = true;
  }

  /** Movement of a value that lies in storage costs nothing. */
  #view(op: keyof typeof moves, from: Node, attrs: unknown, shape: Shape, dtype: DType): Tensor | undefined {
    const view = moves[op](from, attrs as never);
    if (view === undefined) return undefined;
    const node = new Node("leaf", 0, none, undefined, shape, dtype);
    node.range = rangeFrom(from, op, dtype);
    node.fault = from.fault;
    return this.#place(node, from.storage as S, view.offset, view.strides);
  }

  #place(node: Node, storage: S, offset: number, strides: readonly number[]): Tensor {
    this.#flusher.settle(node, storage, offset, strides);
    return own(new Tensor(this, node.shape, node.dtype, node));
  }

  upload(data: TypedArray, shape: Shape, dtype: DType): Tensor {
    if (!this.#driver.supports(dtype)) throw new UnsupportedError(`tensor: ${this.name} has no ${dtype}`);
    const node = new Node("leaf", 0, none, undefined, shapeOf("upload", shape), dtype);
    node.range = rangeOf(data, dtype);
    const storage = this.#flusher.allocate(data.byteLength);
    this.#driver.write(storage, data);
    const x = this.#place(node, storage, 0, rowMajor(shape));
    this.#unowned.turn();
    return x;
  }

  roomFor(bytes: number): void {
    if (bytes > FEW) this.#flusher.give(this.#flusher.allocate(bytes));
  }

  async read(x: Tensor): Promise<TypedArray> {
    const { storage, lost } = x.payload as Node;
    const data = await (storage === undefined && lost === undefined ? this.#patiently(x) : this.#elements(x));
    if (this.#unowned.told) await this.#unowned.wait();
    return data;
  }

  /** The elements, also where what nobody refers to any more is in the way: the collector may have to look twice. */
  async #patiently(x: Tensor): Promise<TypedArray> {
    const node = x.payload as Node;
    node.handles++;
    try {
      for (let i = 0; i < 2 && node.storage === undefined; i++) {
        const failure = this.#run(true);
        if (failure?.crowded !== true) {
          this.#tell(node, failure);
          break;
        }
        await this.#unowned.search();
      }
      return await this.#elements(x);
    } finally {
      this.#drop(node);
    }
  }

  /** Like `read`, where the driver answers at once. */
  readNow(x: Tensor): TypedArray {
    return this.#elements(x) as TypedArray;
  }

  /** The elements where they lie in storage, in order: nothing runs. */
  protected stored(x: Tensor): TypedArray | Promise<TypedArray> | undefined {
    const { storage, lost, fault, shape, strides } = x.payload as Node;
    const sound = storage !== undefined && lost === undefined && fault?.now()?.wrong !== true;
    return sound && isRowMajor(shape, strides) ? this.#stored(x.payload as Node) : undefined;
  }

  #elements(x: Tensor): TypedArray | Promise<TypedArray> {
    let node = x.payload as Node;
    if (node.storage === undefined || this.#pending.length > 0) this.#tell(node, this.#run());
    const { fault } = node;
    if (fault?.now()?.wrong === true) throw fault.error();
    if (node.storage === undefined || node.lost !== undefined) {
      this.#driver.check?.();
      throw lostError("data", node);
    }
    if (isRowMajor(node.shape, node.strides)) return this.#copied(node, fault);
    const copy = new Node("cast", codeOf("cast"), [node], { dtype: node.dtype }, node.shape, node.dtype);
    this.#pending.push(copy);
    this.#tell(copy, this.#run());
    node = copy;
    try {
      return this.#copied(node, fault);
    } finally {
      this.#drop(node);
    }
  }

  #stored({ storage, offset, shape, dtype }: Node): TypedArray | Promise<TypedArray> {
    const { aside } = storage!;
    const size = sizeOf(shape);
    if (aside === undefined) return this.#driver.read(storage as S, offset, size, dtype);
    const begin = offset * dtypeInfo[dtype].bytes;
    return new dtypeInfo[dtype].array(
      aside.data.slice(begin, begin + size * dtypeInfo[dtype].bytes).buffer as ArrayBuffer,
    );
  }

  /** The elements, unless it turns out meanwhile that an index was wrong, or that there was no memory. */
  #copied(node: Node, fault: Fault | undefined): TypedArray | Promise<TypedArray> {
    const data = this.#stored(node);
    if (!(data instanceof Promise)) return data;
    return data.then((elements) => {
      if (node.lost !== undefined) throw lostError("data", node);
      if (fault?.now()?.wrong === true) throw fault!.error();
      return elements;
    });
  }

  /** Tells who waits for a value what went wrong when it was computed: a failure is its own only if it was lost by it. */
  #tell(node: Node, failure: Failure | undefined): void {
    if (node.lost !== undefined && this.#untold === node.lost) this.#untold = undefined;
    if (failure === undefined) return;
    const fault = node.fault?.now();
    const isOfFailure = node.lost !== undefined && failure.nodes?.includes(node) === true;
    const own = isOfFailure || (fault?.wrong === true && fault.cause === failure.fault?.cause);
    if (failure.reverted && !own) {
      this.#untold ??= failure.error;
      context.pending.add(this);
    }
    if (node.lost !== undefined) throw node.lost;
  }

  retain(x: Tensor): Tensor {
    const node = x.payload as Node;
    node.handles++;
    return new Tensor(this, x.shape, x.dtype, node);
  }

  release(x: Tensor): void {
    if (x.owner === null) this.#unowned.give(x);
    this.#drop(x.payload as Node);
  }

  unowned(x: Tensor): void {
    this.#unowned.take(x);
  }

  owned(x: Tensor): void {
    this.#unowned.give(x);
  }

  supersede(next: Tensor, old: Tensor | undefined): void {
    this.#flusher.journal.note(next, old?.interpreter === this ? old : undefined);
  }

  #drop(node: Node): void {
    if (--node.handles > 0 || node.storage === undefined) return;
    if (this.#pending.length > 0) this.#dying.push(node);
    else this.#flusher.forget(node);
  }

  flush(results?: readonly Tensor[]): void {
    const failure = this.#run();
    const isLost = (x: Tensor): boolean => (untaped(x).payload as Node).lost !== undefined;
    // Who waits for certain results has nothing to do with others: those who read them are told.
    const told = failure?.reverted === true || results === undefined || results.some(isLost);
    const error = told && failure !== undefined ? failure.error : this.#untold;
    this.#untold = undefined;
    if (error !== undefined) throw error;
  }

  takeBack(step: Step, reason: Error): void {
    undo(this.#flusher.journal.takeBack(step), reason);
  }

  /**
   * Runs what is pending though nobody has asked: whom a failure concerns is told later. Where there is no memory it waits until
   * somebody asks, or until much more is pending.
   */
  #runEarly(): void {
    if (this.#pending.length < this.#crowd) return;
    const failure = this.#run(this.#crowd === 0);
    this.#crowd = failure?.crowded === true ? this.#pending.length + PENDING / 10 : 0;
    if (failure?.reverted !== true) return;
    this.#untold ??= failure.error;
    context.pending.add(this);
  }

  #run(patient = false): Failure | undefined {
    const pending = this.#pending;
    let failure: Failure | undefined;
    if (patient) this.#bury(pending);
    context.pending.delete(this);
    this.#pending = [];
    const { caller } = context;
    context.caller = undefined; // what runs now, others have called
    try {
      if (pending.length > 0) failure = this.#flusher.flush(pending, patient);
      return failure;
    } finally {
      context.caller = caller;
      if (failure?.crowded === true) {
        this.#pending = pending;
        context.pending.add(this);
      } else {
        this.#crowd = 0;
        this.#ran();
      }
    }
  }

  #ran(): void {
    this.#unowned.computed();
    this.#bury([]);
    this.#unowned.turn();
  }

  /** Ends what lost its last handle while operations were pending, but for what those that still are need. */
  #bury(pending: readonly Node[]): void {
    const dying = this.#dying;
    if (dying.length === 0) return;
    this.#dying = [];
    const needed = pending.length === 0 ? undefined : this.#flusher.neededBy(pending);
    for (const node of dying) {
      if (needed?.has(node) === true) this.#dying.push(node);
      // A box may have gone back to it.
      else if (node.handles === 0) this.#flusher.forget(node);
    }
  }

  stats(): DeferredStats {
    const { bytes: unowned, moved } = this.#unowned;
    const { kernels } = this.#flusher;
    return { ...this.#counts, kernels, pending: this.#pending.length, unowned, moved };
  }
}
