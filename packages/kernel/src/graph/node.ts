// A node of the deferred graph: one operation that was asked for and has not run yet, or a value that lies in storage.
import { UnsupportedError, type DType, type OpName, type Shape } from "@weft/tensor";
import type { Fault, Range, Site } from "./fault.ts";
import type { Aside, Net } from "./unowned.ts";
import { expressions, type ElementwiseOp } from "../expressions/index.ts";

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
  aside: Aside | undefined;
}

/**
 * What the planner does with an operation: `map` works element by element and is merged; `move` is a view where possible;
 * `source` is an expression of the index; `reduce` folds axes; `join` writes its operands side by side into one value;
 * `pad` writes its operand into a filled value; `call` is a kernel that the backend shapes by hand.
 */
export type Kind = "map" | "move" | "source" | "reduce" | "join" | "pad" | "call";

/** All but the maps, which are the primitives that have an expression. */
const kinds = {
  sum: "reduce",
  max: "reduce",
  min: "reduce",
  argmax: "call",
  argmin: "call",
  cumsum: "call",
  argsort: "call",
  reshape: "move",
  permute: "move",
  broadcastTo: "move",
  slice: "move",
  flip: "move",
  pad: "pad",
  concat: "join",
  take: "call",
  indexAdd: "call",
  gather: "call",
  scatterAdd: "call",
  matmul: "call",
  conv: "call",
  convInputGrad: "call",
  convWeightGrad: "call",
  maxPool: "call",
  maxPoolGrad: "call",
  maxPoolPick: "call",
  sumPool: "call",
  sumPoolGrad: "call",
  full: "source",
  iota: "source",
  randomBits: "source",
  randomUniform: "source",
} as const satisfies { readonly [K in Exclude<OpName, ElementwiseOp>]: Kind };

/** The primitives that every backend shapes by hand. */
export type CallOp = { [K in keyof typeof kinds]: (typeof kinds)[K] extends "call" ? K : never }[keyof typeof kinds];

/** Numbers that stand for operation names in signatures, and the kind of each. */
const codes = new Map<string, number>();
const kindOf: Kind[] = [];

/** The code of an operation: the next number when it is first met. What is no primitive is a fused operation, a call. */
export function codeOf(op: string): number {
  let code = codes.get(op);
  if (code === undefined) {
    code = codes.size;
    if (code > 255) throw new UnsupportedError(`${op}: more than 256 operations`);
    codes.set(op, code);
    kindOf.push((kinds as Record<string, Kind>)[op] ?? (op in expressions ? "map" : "call"));
  }
  return code;
}

export const kindOfCode = (code: number): Kind => kindOf[code]!;

export class Node {
  readonly op: string;
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
    op: string,
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

export const none: readonly never[] = Object.freeze([]);
