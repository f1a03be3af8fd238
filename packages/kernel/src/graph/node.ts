// A node of the deferred graph: one operation that was recorded and has not run yet, or a value in storage.
import type { DType, Shape, Tensor } from "@weft/tensor";
import type { Fault, Site } from "./fault.ts";
import type { NodeOp } from "./operation.ts";
import type { Range } from "./range.ts";

/** Memory that a driver allocated; it is freed when no node with a handle lies in it. */
export interface Storage {
  readonly bytes: number;
  /** How many nodes with a living handle lie in it. */
  refs: number;
  /** Those of them that have handles which no scope owns. */
  loose: Set<Node> | undefined;
  /** The flush that used it last, if no scope owns it. */
  used: number;
  /** The value in JavaScript's memory, if it is evicted. */
  evicted: Evicted | undefined;
}

/**
 * What the finalization registry holds of a node. While the value is evicted it does not refer to the node: both can be
 * collected.
 */
export interface UnownedHandles {
  node: Node | undefined;
  /** Living handles that no scope owns. */
  handles: number;
  /** Handles that were collected while it did not refer to the node. */
  missed: number;
}

/** An evicted value. Its mark lives as long as the value, and can be watched without keeping the value alive. */
export interface Evicted {
  readonly data: Uint8Array;
  readonly mark: object;
  watch: Watch | undefined;
}
/** Tells whether an evicted value is still referred to, without keeping it alive. */
export interface Watch {
  bytes: number;
  readonly mark: WeakRef<object>;
}

/** Shape and dtype of one result of an operation. */
export interface Typed {
  readonly shape: Shape;
  readonly dtype: DType;
}

export class Node {
  readonly op: NodeOp;
  readonly code: number;
  /** Nodes and plain numbers. Emptied once the node has run. */
  inputs: readonly (Node | number)[];
  readonly attrs: unknown;
  readonly shape: Shape;
  readonly dtype: DType;
  /** The storage of the value; undefined while the node is pending. Offset and strides count elements. */
  storage: Storage | undefined = undefined;
  offset = 0;
  strides: readonly number[] = none;
  /** Living handles. */
  handles = 1;
  /**
   * Of a call with several results: these. A node for each of them reads the call, which is never stored and has no
   * handle.
   */
  results: readonly [Typed, ...Typed[]] | undefined = undefined;
  /** Its handles that no scope owns. */
  unowned: UnownedHandles | undefined = undefined;
  /** The traversal that last visited this node, and the node's index in it. */
  epoch = 0;
  index = 0;
  /** Why it is lost: the error of the launch that should have computed it. */
  lost: Error | undefined = undefined;
  /** A known or possible fault of the indices that it was computed with. */
  fault: Fault | undefined = undefined;
  /** Bounds of its integers, if known. */
  range: Range | undefined = undefined;
  /** Whether the indices of this call can only be checked when it runs. */
  open = false;
  /** Where this indexing operation was called, for an IndexError. */
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

/** The node of a tensor of this backend: only the backend knows the type of the payload. */
export const nodeOf = (x: Tensor): Node => x.payload as Node;

/** The operands of an operation that takes tensors only. */
export const operandsOf = ({ inputs }: Pick<Node, "inputs">): readonly Node[] =>
  inputs.filter((x) => typeof x !== "number");

export const none: readonly never[] = Object.freeze([]);
