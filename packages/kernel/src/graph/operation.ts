// Operations in the graph: a primitive is known by its name, a fused operation by its object, since two packages may
// use one name. Tables over the primitives say what the planner does with each; a fused operation says it itself.
import type { FusedOp, Indices, OpName } from "@weft/tensor";
import type { AxisAttrs, ElementwiseOps } from "@weft/tensor/internals";

export type AnyOp = OpName | FusedOp;
/** What a node is: an operation, a value in storage, or one of several results of a call. */
export type NodeOp = AnyOp | "leaf" | "result";

/** For messages. */
export const nameOf = (op: NodeOp | "fill"): string => (typeof op === "string" ? op : op.name);

/**
 * What the planner does with an operation: `map` works element by element and is merged; `move` is a view where
 * possible; `source` is an expression of the index; `reduce` folds axes; `join` writes its operands side by side into
 * one value; `pad` writes its operand into a filled value; `call` is a kernel that backends write by hand; `result` is
 * one of several results of a call.
 */
export type Kind = "map" | "move" | "source" | "reduce" | "join" | "pad" | "call" | "result";

/** All primitives but the maps, which are those with an expression. */
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
} as const satisfies { readonly [K in Exclude<OpName, keyof ElementwiseOps>]: Kind };

/** The primitives of a kind. */
export type OpOf<T extends Kind> = T extends "map"
  ? keyof ElementwiseOps
  : { [K in keyof typeof kinds]: (typeof kinds)[K] extends T ? K : never }[keyof typeof kinds];
/** The primitives whose kernels every backend writes by hand. */
export type CallOp = OpOf<"call">;

type Coded = AnyOp | "result";

function kindOf(op: Coded): Kind {
  if (op === "result") return op;
  if (typeof op === "object") return op.expression === undefined ? "call" : "map";
  const known: { readonly [K in OpName]?: Kind } = kinds;
  return known[op] ?? "map";
}

const alongAxis: Indices<AxisAttrs> = { operand: 1, size: ([x], { axis }) => x!.shape[axis]! };

/** The primitives with indices among their operands. */
const indices: { readonly [K in OpName]?: Indices } = {
  take: alongAxis,
  indexAdd: alongAxis,
  gather: alongAxis,
  scatterAdd: alongAxis,
};

/** The code of each operation in keys and tables, and tables by code. A program may make operations as it goes. */
const codes = new Map<Coded, number>();
const codesOfObjects = new WeakMap<object, number>();
/** Those of operations with a formula, where a backend has a kernel for them. */
const codesOfCalls = new WeakMap<object, number>();
const kindsByCode: Kind[] = [];
const indicesByCode: (Indices | undefined)[] = [];

/** The code of an operation: the next number when it is first seen. */
export function codeOf(op: Coded): number {
  if (typeof op === "object") return codeAmong(codesOfObjects, op, kindOf(op));
  let code = codes.get(op);
  if (code === undefined) codes.set(op, (code = added(op, kindOf(op))));
  return code;
}

/** The code of a fused operation that the backend has a kernel for, which wins over its formula. */
export const codeOfCall = (op: FusedOp): number =>
  op.expression === undefined ? codeOf(op) : codeAmong(codesOfCalls, op, "call");

function codeAmong(known: WeakMap<object, number>, op: FusedOp, kind: Kind): number {
  let code = known.get(op);
  if (code === undefined) known.set(op, (code = added(op, kind)));
  return code;
}

function added(op: Coded, kind: Kind): number {
  indicesByCode.push(typeof op === "object" ? op.indices : op === "result" ? undefined : indices[op]);
  return kindsByCode.push(kind) - 1;
}

export const kindOfCode = (code: number): Kind => kindsByCode[code]!;
/** Which operand of an operation is one of indices, if any. */
export const indicesOfCode = (code: number): Indices | undefined => indicesByCode[code];
