// A node of the deferred graph: one operation that was asked for and has not run yet, or a value that lies in storage.
import type { DType, Shape, Tensor } from "@weft/tensor";
import type { Fault, Range, Site } from "./fault.ts";
import type { NodeOp } from "./operation.ts";

/** Memory that a driver handed out; it goes back when no living node looks at it. */
export interface Storage {
  readonly bytes: number;
  /** Nodes with a living handle that lie in it. */
  refs: number;
  /** Those of them that have handles which no scope owns. */
  loose: Set<Node> | undefined;
  /** The flush that used it last, if no scope owns it. */
  used: number;
  /** Where the value is meanwhile, if not here. */
  evicted: Evicted | undefined;
}

/** What the registry holds of a node: while its value lies in JavaScript's memory, no way to the node, so that both can be collected. */
export interface Net {
  node: Node | undefined;
  /** Living handles that no scope owns. */
  handles: number;
  /** Handles that were collected while there was no way to the node. */
  missed: number;
}

/** A value in JavaScript's memory. Its mark lives as long as it does, and can be watched without keeping the value alive. */
export interface Evicted {
  readonly data: Uint8Array;
  readonly mark: object;
  watch: Watch | undefined;
}
/** What is left to see of a value in JavaScript's memory without keeping it alive. */
export interface Watch {
  bytes: number;
  readonly mark: WeakRef<object>;
}

/** What one result of an operation is. */
export interface Typed {
  readonly shape: Shape;
  readonly dtype: DType;
}

export class Node {
  readonly op: NodeOp;
  readonly code: number;
  /** Nodes, and numbers where a number was given. Dropped once the node has run. */
  inputs: readonly (Node | number)[];
  readonly attrs: unknown;
  readonly shape: Shape;
  readonly dtype: DType;
  /** Where the value lies; undefined while the node is pending. Offset and strides count elements. */
  storage: Storage | undefined = undefined;
  offset = 0;
  strides: readonly number[] = none;
  /** Living handles. */
  handles = 1;
  /** Of a call with several results, all of them. They are nodes that read it; it is never stored, and nobody has a handle. */
  results: readonly [Typed, ...Typed[]] | undefined = undefined;
  /** Its handles that no scope owns. */
  net: Net | undefined = undefined;
  /** The flush that last met this node, and its place there. */
  epoch = 0;
  index = 0;
  /** Why it was not computed, where the launch failed that should have. */
  lost: Error | undefined = undefined;
  /** What is, or may be, wrong with the indices that it was computed with. */
  fault: Fault | undefined = undefined;
  /** Of integers that were uploaded, drawn or counted, and of what is moved, picked or cast from them. */
  range: Range | undefined = undefined;
  /** Whether only its run can say if the indices of a call are right. */
  open = false;
  /** Where an indexing operation was called, for an IndexError. */
  site: Site | undefined = undefined;

  constructor(
    op: NodeOp,
    code: number,
    inputs: readonly (Node | number)[],
    attrs: unknown,
    shape: Shape,
    dtype: DType,
  ) {
    this.op = op;
    this.code = code;
    this.inputs = inputs;
    this.attrs = attrs;
    this.shape = shape;
    this.dtype = dtype;
  }
}

/** The node of a tensor of this backend: what a tensor carries is known to its backend alone. */
export const nodeOf = (x: Tensor): Node => x.payload as Node;

/** The operands of an operation that takes tensors only. */
export const operandsOf = ({ inputs }: Pick<Node, "inputs">): readonly Node[] =>
  inputs.filter((x) => typeof x !== "number");

export const none: readonly never[] = Object.freeze([]);
