// An operation as the graph knows it: a primitive by its name, a fused one by its object, since another package may have one of the
// same name. Tables over the primitives say what the planner does with each; a fused operation says it itself.
import { UnsupportedError, type FusedOp, type Indices, type OpName } from "@weft/tensor";
import type { AxisAttrs, ElementwiseOps } from "@weft/tensor/internals";

export type AnyOp = OpName | FusedOp;
/** What a node is: an operation, a value that lies in storage, or a result of a call that has several. */
export type NodeOp = AnyOp | "leaf" | "result";

/** For messages. */
export const nameOf = (op: NodeOp | "fill"): string => (typeof op === "string" ? op : op.name);

/**
 * What the planner does with an operation: `map` works element by element and is merged; `move` is a view where possible;
 * `source` is an expression of the index; `reduce` folds axes; `join` writes its operands side by side into one value;
 * `pad` writes its operand into a filled value; `call` is a kernel that the backend shapes by hand; `result` is one of several
 * that a call has.
 */
export type Kind = "map" | "move" | "source" | "reduce" | "join" | "pad" | "call" | "result";

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
} as const satisfies { readonly [K in Exclude<OpName, keyof ElementwiseOps>]: Kind };

/** The primitives of a kind. */
export type OpOf<T extends Kind> = T extends "map"
  ? keyof ElementwiseOps
  : { [K in keyof typeof kinds]: (typeof kinds)[K] extends T ? K : never }[keyof typeof kinds];
/** The primitives that every backend shapes by hand. */
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

/** Codes are this wide in the key of a plan. */
const CODE_BITS = 12;
/** What stands for an operation in keys and tables, and what is known of it, by that. */
const codes = new Map<Coded, number>();
const kindsByCode: Kind[] = [];
const indicesByCode: (Indices | undefined)[] = [];

/** The code of an operation: the next number when it is first met. */
export function codeOf(op: Coded): number {
  let code = codes.get(op);
  if (code === undefined) {
    code = codes.size;
    if (code >= 2 ** CODE_BITS)
      throw new UnsupportedError(
        `${nameOf(op)}: more than ${2 ** CODE_BITS} operations; a fused operation is made once, not in each call`,
      );
    codes.set(op, code);
    kindsByCode.push(kindOf(op));
    indicesByCode.push(typeof op === "object" ? op.indices : op === "result" ? undefined : indices[op]);
  }
  return code;
}

export const kindOfCode = (code: number): Kind => kindsByCode[code]!;
/** Which operand of an operation chooses positions, if one does. */
export const indicesOfCode = (code: number): Indices | undefined => indicesByCode[code];
