// The deferred backend: operations become nodes, and a flush plans and runs the nodes that living handles need. What a flush
// needs again and again is found by its signature and runs without planning.
import {
  arrayOf,
  bytesOf,
  context,
  CONTRACT,
  IndexError,
  own,
  randomStream,
  shapeOf,
  Tensor,
  UnsupportedError,
  WeftError,
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
import type { Driver } from "./driver.ts";
import { folded } from "./constant.ts";
import { codeOf, kindOfCode, Node, none, type Storage } from "./node.ts";
import type { Plan } from "../plan/plan.ts";
import { Planner } from "../plan/planner.ts";
import { PlanCache, Signature } from "./signature.ts";
import { Unowned } from "./unowned.ts";
import { isRowMajor, moves, rowMajor, sizeOf } from "./view.ts";

/** So many pending operations are run without being asked for. */
const PENDING = 10_000;
/** After so many flushes whose plans were known, operations take their call sites from the plan's first run. */
const STEADY = 8;
/** Operations that may meet an index out of range: they remember where they were called. */
const indexing = new Set(["take", "indexAdd", "gather", "scatterAdd", "crossEntropy"].map(codeOf));

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

interface Cached<E> {
  readonly plan: Plan;
  readonly prepared: E;
  readonly launches: number;
  /** Where the operations that may meet an index out of range were called when the plan was made. */
  sites: readonly { readonly place: number; readonly site: Error }[];
}

/** Frames of Weft's own packages, in the repository or installed. */
const ours = /[\\/](?:packages|@weft)[\\/](?:tensor|kernel|autograd|nn|optim|data)[\w-]*[\\/](?:src|dist)[\\/]/;

/** The error of an operation that met an index out of range: names the operation and where it was called. */
export function indexErrorOf({ op, site, dtype, shape }: Node): IndexError {
  const line = (site?.stack ?? "")
    .split("\n")
    .slice(1)
    .find((frame) => !ours.test(frame));
  return new IndexError(
    `${op}: an index was outside its axis (result ${dtype}[${shape}]), called ${line?.trim() ?? "at an unknown place"}`,
  );
}

/** The call stack here, deep enough to reach the user's program through models in models, where the depth may be set. */
function siteOf(op: string): Error {
  const { stackTraceLimit } = Error as { stackTraceLimit?: number };
  // An assignment would throw where intrinsics are frozen.
  Reflect.set(Error, "stackTraceLimit", 50);
  const site = new Error(op);
  Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
  return site;
}

const sitesOf = (needed: readonly Node[]) =>
  needed.flatMap(({ site }, place) => (site === undefined ? [] : [{ place, site }]));

const lostError = (op: string, { dtype, shape }: Node): WeftError =>
  new WeftError(`${op}: this ${dtype}[${shape}] tensor was lost when an earlier launch failed`);

export class Deferred<S extends Storage, E> implements Backend {
  readonly level = 0;
  readonly contract = CONTRACT;
  readonly name: string;
  readonly version: string;
  readonly stream: RandomStream;
  readonly #driver: Driver<S, E>;
  readonly #planner: Planner;
  readonly #fuse: boolean;
  readonly #plans: PlanCache<Cached<E>>;
  readonly #signature = new Signature();
  readonly #unowned: Unowned<S>;
  #pending: Node[] = [];
  /** Values whose last handle ended while pending nodes may read them. */
  #dying: Node[] = [];
  #epoch = 0;
  #indexError: Node | undefined;
  /** Flushes in a row whose plans were known. */
  #known = 0;
  readonly #counts = { live: 0, bytes: 0, flushes: 0, plans: 0, launches: 0 };

  constructor(driver: Driver<S, E>, { fuse = true, seed = 0 }: DeferredOptions = {}) {
    this.#driver = driver;
    this.name = driver.name;
    this.version = driver.version;
    this.stream = randomStream(seed);
    this.#fuse = fuse;
    this.#planner = new Planner({
      fuse,
      accepts: (op, input, operand) => driver.accepts(op, input, operand),
      epilogue: (op) => driver.epilogue(op),
      reductions: driver.reductionEpilogues ?? false,
      inPlace: (op) => driver.inPlace?.(op) ?? false,
      arrange: driver.arrange,
      largest: driver.largest ?? Infinity,
    });
    this.#unowned = new Unowned(driver, this.#counts, (node) => this.#drop(node));
    driver.relieved(this.#unowned);
    this.#plans = new PlanCache(2 ** 20, (cached) => driver.drop(cached.prepared));
  }

  get backend(): this {
    return this;
  }

  run<K extends OpName>(op: K, inputs: readonly Value[], attrs: Attrs<K>, shape: Shape, dtype: DType): Tensor {
    return this.#record(op, inputs, attrs, shape, dtype);
  }

  runFused(fused: FusedOp, inputs: readonly Value[], attrs: unknown): readonly Tensor[] | undefined {
    const dtypes = inputs.map((x) => (typeof x === "number" ? "f32" : x.dtype));
    if (inputs.some((x) => typeof x === "number") || !this.#driver.fused(fused.name, dtypes)) return undefined;
    const results = fused.infer(inputs, attrs);
    for (const r of results) Object.freeze(r.shape);
    const { shape, dtype } = results[0]!;
    if (results.length === 1) return [this.#record(fused.name, [...inputs], attrs, shape, dtype)];
    if (results.some((r) => r.dtype !== dtype)) return undefined;
    // Several results lie one behind another in one value.
    const size = results.reduce((n, r) => n + sizeOf(r.shape), 0);
    const whole = this.#record(fused.name, [...inputs], attrs, [size], dtype);
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

  #record(op: string, inputs: readonly Value[], attrs: unknown, shape: Shape, dtype: DType): Tensor {
    // `inputs` was made for this call (see apply): it becomes the node's own list.
    const nodes = inputs as (Node | number)[];
    for (let i = 0; i < nodes.length; i++) {
      const x = inputs[i]!;
      if (typeof x !== "number") {
        const node = x.payload as Node;
        if (node.lost) throw lostError(op, node);
        nodes[i] = node;
      }
    }
    const code = codeOf(op);
    if (kindOfCode(code) === "move" && (nodes[0] as Node).storage !== undefined) {
      const view = this.#view(op as keyof typeof moves, nodes[0] as Node, attrs, shape, dtype);
      if (view !== undefined) return view;
    }
    if (dtype !== "f32" && !this.#driver.supports(dtype))
      throw new UnsupportedError(`${op}: ${this.name} has no ${dtype}`);
    const constant = this.#fuse && dtype === "f32" ? folded(op, nodes) : undefined;
    const node =
      constant === undefined
        ? new Node(op, code, nodes, attrs, shape, dtype)
        : new Node("full", codeOf("full"), [constant], undefined, shape, dtype);
    if (this.#known < STEADY && indexing.has(code)) node.site = siteOf(op);
    if (this.#pending.push(node) === 1) context.pending.add(this);
    else if (this.#pending.length >= PENDING) {
      const result = own(new Tensor(this, shape, dtype, node));
      this.flush();
      return result;
    }
    return own(new Tensor(this, shape, dtype, node));
  }

  /** Movement of a value that lies in storage costs nothing. */
  #view(op: keyof typeof moves, from: Node, attrs: unknown, shape: Shape, dtype: DType): Tensor | undefined {
    const view = moves[op](from, attrs as never);
    if (view === undefined) return undefined;
    return this.#place(from.storage as S, shape, dtype, view.offset, view.strides);
  }

  #place(storage: S, shape: Shape, dtype: DType, offset: number, strides: readonly number[]): Tensor {
    const node = new Node("leaf", 0, none, undefined, shape, dtype);
    this.#settle(node, storage, offset, strides);
    return own(new Tensor(this, shape, dtype, node));
  }

  #settle(node: Node, storage: S, offset: number, strides: readonly number[]): void {
    node.storage = storage;
    node.offset = offset;
    node.strides = strides;
    storage.refs++;
    if (node.net !== undefined) this.#unowned.settled(node);
  }

  upload(data: TypedArray, shape: Shape, dtype: DType): Tensor {
    if (!this.#driver.supports(dtype)) throw new UnsupportedError(`tensor: ${this.name} has no ${dtype}`);
    const storage = this.#allocate(data.byteLength);
    this.#driver.write(storage, data);
    const x = this.#place(storage, shapeOf("upload", shape), dtype, 0, rowMajor(shape));
    this.#unowned.turn();
    return x;
  }

  async read(x: Tensor): Promise<TypedArray> {
    const data = await this.#elements(x);
    await this.#unowned.wait();
    return data;
  }

  /** Like `read`, where the driver answers at once. */
  readNow(x: Tensor): TypedArray {
    return this.#elements(x) as TypedArray;
  }

  #elements(x: Tensor): TypedArray | Promise<TypedArray> {
    let node = x.payload as Node;
    if (node.storage === undefined || this.#pending.length > 0) this.flush();
    this.#throwIndexError();
    if (node.storage === undefined) {
      this.#driver.check?.();
      throw lostError("data", node);
    }
    if (isRowMajor(node.shape, node.strides)) return this.#stored(node);
    const copy = new Node("cast", codeOf("cast"), [node], { dtype: node.dtype }, node.shape, node.dtype);
    this.#pending.push(copy);
    this.flush();
    node = copy;
    const data = this.#stored(node);
    this.#drop(node);
    return data;
  }

  #stored({ storage, offset, shape, dtype }: Node): TypedArray | Promise<TypedArray> {
    const { aside } = storage!;
    const size = sizeOf(shape);
    if (aside === undefined) return this.#driver.read(storage as S, offset, size, dtype);
    const begin = offset * bytesOf[dtype];
    return new arrayOf[dtype](aside.data.slice(begin, begin + size * bytesOf[dtype]).buffer as ArrayBuffer);
  }

  #throwIndexError(): void {
    const node = this.#indexError;
    if (node === undefined) return;
    this.#indexError = undefined;
    throw indexErrorOf(node);
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

  #drop(node: Node): void {
    if (--node.handles > 0 || node.storage === undefined) return;
    if (this.#pending.length > 0) this.#dying.push(node);
    else this.#forget(node);
  }

  #forget(node: Node): void {
    const storage = node.storage as S;
    if (--storage.refs === 0) this.#return(storage);
  }

  #return(storage: S): void {
    if (this.#unowned.ended(storage)) return;
    this.#counts.live--;
    this.#counts.bytes -= storage.bytes;
    this.#driver.free(storage);
  }

  #allocate(bytes: number): S {
    const storage = this.#driver.allocate(bytes);
    this.#counts.live++;
    this.#counts.bytes += storage.bytes;
    return storage;
  }

  flush(): void {
    const pending = this.#pending;
    context.pending.delete(this);
    try {
      if (pending.length > 0) {
        this.#pending = [];
        const needed = this.#needed(pending);
        if (needed.length > 0) this.#execute(needed);
      }
    } catch (error) {
      for (const node of pending) node.lost = node.storage === undefined;
      throw error;
    } finally {
      const dying = this.#dying;
      if (dying.length > 0) {
        this.#dying = [];
        for (let i = 0; i < dying.length; i++) this.#forget(dying[i]!);
      }
      this.#unowned.turn();
    }
  }

  /** Pending nodes that a living handle needs, in order of recording. */
  #needed(pending: readonly Node[]): Node[] {
    const epoch = ++this.#epoch;
    let count = 0;
    for (let i = pending.length - 1; i >= 0; i--) {
      const node = pending[i]!;
      if (node.handles <= 0 && node.epoch !== epoch) continue;
      node.epoch = epoch;
      count++;
      const { inputs } = node;
      for (let k = 0; k < inputs.length; k++) {
        const x = inputs[k]!;
        if (typeof x !== "number" && x.storage === undefined) x.epoch = epoch;
      }
    }
    if (count === pending.length) return pending as Node[];
    const needed: Node[] = [];
    for (let i = 0; i < pending.length; i++) if (pending[i]!.epoch === epoch) needed.push(pending[i]!);
    return needed;
  }

  #execute(needed: readonly Node[]): void {
    const leaves: Node[] = [];
    const signature = this.#signature;
    signature.read(needed, leaves, this.#epoch);
    let cached = this.#plans.find(signature);
    if (cached !== undefined) {
      this.#known++;
      if (cached.sites.length > 0) for (const { place, site } of cached.sites) needed[place]!.site ??= site;
      else if (this.#known <= STEADY) cached.sites = sitesOf(needed);
    } else {
      this.#known = 0;
      const { hash } = signature;
      const words = signature.copy();
      const plan = this.#planner.plan(needed, leaves);
      const launches = plan.levels.reduce((n, l) => n + l.length, 0);
      cached = { plan, prepared: this.#driver.prepare(plan), launches, sites: sitesOf(needed) };
      this.#plans.add(hash, words, cached);
      this.#counts.plans++;
    }
    const { plan } = cached;
    const storages: S[] = [];
    let wrong: Node | undefined;
    try {
      this.#gather(plan, leaves, storages);
      wrong = this.#driver.run(cached.prepared, plan, needed, storages, leaves);
    } catch (error) {
      for (const slot of plan.kept) if (storages[slot]?.refs === 0) this.#return(storages[slot]!);
      throw error;
    }
    if (wrong !== undefined) this.#indexError ??= wrong;
    this.#counts.flushes++;
    this.#counts.launches += cached.launches;
    for (let i = 0; i < plan.outputs.length; i++) {
      const { node, slot, offset, strides } = plan.outputs[i]!;
      this.#settle(needed[node]!, storages[slot]!, offset, strides);
    }
    for (let i = 0; i < needed.length; i++) needed[i]!.inputs = none;
  }

  /** Storage for leaves and outputs, by slot. An output takes the place of a leaf that nothing refers to any more. */
  #gather(plan: Plan, leaves: readonly Node[], storages: S[]): void {
    for (let i = 0; i < leaves.length; i++) this.#unowned.use((storages[plan.leaves[i]!] = leaves[i]!.storage as S));
    for (let i = 0; i < leaves.length; i++) {
      const storage = leaves[i]!.storage as S;
      if (storage.aside !== undefined) this.#unowned.restore(storage);
    }
    for (let i = 0; i < plan.donations.length; i++) {
      const { slot, leaf } = plan.donations[i]!;
      const { handles, offset, storage } = leaves[leaf]!;
      // Not what it was a small part of: that would live as long as the output.
      if (handles === 0 && offset === 0 && storage!.refs === 1 && storage!.bytes < 2 * plan.slots[slot]!.bytes + 64)
        storages[slot] = storage as S;
    }
    for (let i = 0; i < plan.kept.length; i++) {
      const slot = plan.kept[i]!;
      if (storages[slot] === undefined) storages[slot] = this.#allocate(plan.slots[slot]!.bytes);
    }
  }

  stats(): DeferredStats {
    const { bytes: unowned, moved } = this.#unowned;
    return { ...this.#counts, kernels: this.#planner.kernels.made, pending: this.#pending.length, unowned, moved };
  }
}
