// Recording: an operation becomes a pending node or, if nothing has to run for it, a view of a value in storage.
import {
  Tensor,
  UnsupportedError,
  type Backend,
  type DType,
  type FusedOp,
  type Shape,
  type TypedArray,
  type Value,
} from "@weft/tensor";
import { calledAs, context, own, sameShape, shapeOf } from "@weft/tensor/internals";
import { folded } from "../graph/constant.ts";
import { faultOf, siteOf } from "../graph/fault.ts";
import { Node, nodeOf, none, operandsOf, type Storage, type Typed } from "../graph/node.ts";
import { codeOf, codeOfCall, indicesOfCode, kindOfCode, nameOf, type AnyOp } from "../graph/operation.ts";
import { rangeAfter, rangeFrom, rangeOf } from "../graph/range.ts";
import { moved, rowMajor } from "../graph/view.ts";
import type { Driver } from "./driver.ts";
import type { Flusher } from "./flush.ts";
import { lostError } from "./lost.ts";
import type { Pending } from "./pending.ts";
import type { Unowned } from "./unowned.ts";

const CAST = codeOf("cast");
const RESULT = codeOf("result");
/** The dtypes that a kernel of a fused operation takes by default. */
const callDTypes: readonly DType[] = ["f32"];
/** After so many flushes with known plans, calls with indices no longer note their call site, which takes time. */
const STEADY = 8;

export class Recorder<S extends Storage, E> {
  readonly #backend: Backend;
  readonly #driver: Driver<S, E>;
  readonly #flusher: Flusher<S, E>;
  readonly #pending: Pending<S, E>;
  readonly #unowned: Unowned<S>;
  readonly #fuse: boolean;

  constructor(
    backend: Backend,
    driver: Driver<S, E>,
    flusher: Flusher<S, E>,
    pending: Pending<S, E>,
    unowned: Unowned<S>,
    fuse: boolean,
  ) {
    this.#backend = backend;
    this.#driver = driver;
    this.#flusher = flusher;
    this.#pending = pending;
    this.#unowned = unowned;
    this.#fuse = fuse;
  }

  record(
    op: AnyOp,
    inputs: readonly Value[],
    attrs: unknown,
    shape: Shape,
    dtype: DType,
    code: number = codeOf(op),
  ): Tensor {
    const nodes = this.#begin(op, inputs);
    const moves = kindOfCode(code) === "move";
    const from = nodes[0];
    if (moves && typeof from === "object") {
      // The same value: a new handle to it.
      if (op === "reshape" && sameShape(from.shape, shape)) {
        from.handles++;
        return own(new Tensor(this.#backend, from.shape, dtype, from));
      }
      const view = this.#view(op, from, attrs, shape, dtype);
      if (view !== undefined) return view;
    }
    this.#admit(op, dtype);
    const constant = this.#fuse && dtype === "f32" ? folded(op, nodes) : undefined;
    const node =
      constant === undefined
        ? new Node(op, code, nodes, attrs, shape, dtype)
        : new Node("full", codeOf("full"), [constant], undefined, shape, dtype);
    this.#suspect(node);
    if (typeof from === "object" && (moves || code === CAST)) node.range = rangeFrom(from, op, dtype);
    else if (dtype !== "f32") node.range = rangeAfter(node);
    const result = this.#add(node);
    this.#pending.limit();
    return result;
  }

  /** The nodes of operands. `inputs` was made for this call (see apply): it becomes the node's own list. */
  #begin(op: AnyOp, inputs: readonly Value[]): (Node | number)[] {
    // Otherwise a loop without reads would hold all its values at once. A step is computed as a whole.
    if (this.#unowned.full && context.step === undefined) this.#pending.runEarly();
    const nodes = inputs as (Node | number)[];
    for (let i = 0; i < nodes.length; i++) {
      const x = inputs[i]!;
      if (typeof x !== "number") {
        const node = nodeOf(x);
        if (node.lost !== undefined) throw lostError(nameOf(op), node);
        nodes[i] = node;
      }
    }
    return nodes;
  }

  #admit(op: AnyOp, dtype: DType): void {
    if (dtype !== "f32" && !this.#driver.supports(dtype))
      throw new UnsupportedError(`${calledAs(nameOf(op))}: ${this.#driver.name} has no ${dtype}`);
  }

  #add(node: Node): Tensor {
    this.#pending.add(node);
    return own(new Tensor(this.#backend, node.shape, node.dtype, node));
  }

  /** Notes what is known of the indices of a call. */
  #suspect(node: Node): void {
    const trait = indicesOfCode(node.code);
    if (trait === undefined) return;
    const fault = faultOf(node, trait);
    if (fault === undefined) return;
    if (fault === "open") {
      this.#flusher.open = node.open = true;
      const inputs = operandsOf(node);
      const size = trait.size(inputs, node.attrs);
      const deep = this.#flusher.runner.known < STEADY;
      node.site = siteOf(node.op, trait, inputs[trait.operand]!, size, deep).site;
      return;
    }
    node.fault = fault;
    this.#flusher.faulty = true;
  }

  /** A movement of a value in storage, as a view, if strides can express it. */
  #view(op: AnyOp, from: Node, attrs: unknown, shape: Shape, dtype: DType): Tensor | undefined {
    const storage = this.#unowned.storageOf(from);
    if (storage === undefined) return undefined;
    const view = moved(from, { op, attrs });
    if (view === undefined) return undefined;
    const node = new Node("leaf", 0, none, undefined, shape, dtype);
    node.range = rangeFrom(from, op, dtype);
    node.fault = from.fault;
    return this.#place(node, storage, view.offset, view.strides);
  }

  #place(node: Node, storage: S, offset: number, strides: readonly number[]): Tensor {
    this.#flusher.runner.settle(node, storage, offset, strides);
    return own(new Tensor(this.#backend, node.shape, node.dtype, node));
  }

  /** Records a fused operation as one node, if the driver has a kernel for it or it is a formula. */
  fused(fused: FusedOp, inputs: readonly Value[], attrs: unknown): readonly Tensor[] | undefined {
    const traits = this.#driver.traits(fused);
    const dtypes = traits === undefined ? [] : (traits.dtypes ?? callDTypes);
    if (!inputs.every((x) => typeof x !== "number" && dtypes.includes(x.dtype))) {
      if (fused.expression === undefined) return undefined;
      const { shape, dtype } = fused.infer(inputs, attrs)[0]!;
      return [this.record(fused, [...inputs], undefined, shapeOf(fused.name, shape), dtype)];
    }
    const results = fused.infer(inputs, attrs).map((r) => ({ shape: shapeOf(fused.name, r.shape), dtype: r.dtype }));
    const [first, ...others] = results as [Typed, ...Typed[]]; // each operation has a result
    if (others.length === 0)
      return [this.record(fused, [...inputs], attrs, first.shape, first.dtype, codeOfCall(fused))];
    return this.#several(fused, [...inputs], attrs, [first, ...others]);
  }

  /** A call without a handle, and a node for each of its results. */
  #several(op: FusedOp, inputs: readonly Value[], attrs: unknown, results: [Typed, ...Typed[]]): readonly Tensor[] {
    const nodes = this.#begin(op, inputs);
    for (const { dtype } of results) this.#admit(op, dtype);
    const call = new Node(op, codeOf(op), nodes, attrs, results[0].shape, results[0].dtype);
    call.handles = 0;
    call.results = results;
    this.#suspect(call);
    this.#pending.add(call);
    const tensors = results.map(({ shape, dtype }, index) =>
      this.#add(new Node("result", RESULT, [call], { index }, shape, dtype)),
    );
    // Not before: nothing needs a call without its results.
    this.#pending.limit();
    return tensors;
  }

  upload(data: TypedArray, shape: Shape, dtype: DType): Tensor {
    if (!this.#driver.supports(dtype)) throw new UnsupportedError(`tensor: ${this.#driver.name} has no ${dtype}`);
    const node = new Node("leaf", 0, none, undefined, shapeOf("upload", shape), dtype);
    node.range = rangeOf(data, dtype);
    const storage = this.#flusher.runner.allocate(data.byteLength);
    this.#driver.write(storage, data);
    const x = this.#place(node, storage, 0, rowMajor(shape));
    this.#unowned.afterFlush();
    return x;
  }
}
