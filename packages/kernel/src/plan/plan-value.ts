// The first pass: turns needed nodes into values, each read as a strided view of a base. Movements disappear here;
// where strides cannot express one, an identity map (a copy) takes its place.
import type { Attrs, DType, FusedOp, OpName, Shape } from "@weft/tensor";
import { sameShape, sizeOf } from "@weft/tensor/internals";
import { operandsOf, type Node, type Typed } from "../graph/node.ts";
import { codeOf, kindOfCode, type AnyOp, type Kind, type OpOf } from "../graph/operation.ts";
import type { TraitsOf } from "./traits.ts";
import { isRowMajor, moved, rowMajor, type View } from "../graph/view.ts";

/** What all values have. Later passes keep their results in tables of their own, by `id`. */
interface Common extends View {
  readonly id: number;
  readonly code: number;
  readonly dtype: DType;
  /** Index of the node among the needed ones (of a leaf: among the leaves); -1 of what the planner made itself. */
  readonly node: number;
  /** The value that holds the elements; itself unless this is a view. */
  readonly base: PlanValue;
}

/** What the inputs of each kind are. A number is a plain number among the operands of a node. */
interface Inputs {
  readonly leaf: never;
  readonly map: PlanValue | number;
  readonly source: number;
  readonly move: PlanValue;
  readonly reduce: PlanValue;
  readonly join: PlanValue;
  readonly pad: PlanValue;
  readonly call: PlanValue;
  readonly result: CallValue;
}

/** A value of a kind: the kind (and the operation) determines the types of attributes and inputs. */
interface Of<K extends keyof Inputs, Op, Attributes> extends Common {
  readonly kind: K;
  readonly op: Op;
  readonly attrs: Attributes;
  readonly inputs: readonly Inputs[K][];
}
/** One type for each primitive of a kind. */
type Each<K extends Kind, Op = OpOf<K>> = Op extends OpName ? Of<K, Op, Attrs<Op>> : never;

type LeafValue = Of<"leaf", "leaf", undefined>;
/** `fill` is what a pad holds before its operand is written into it. */
export type MapValue =
  | Of<"map", Exclude<OpOf<"map">, "cast"> | FusedOp, undefined>
  | Of<"map", "cast", Attrs<"cast">>
  | Of<"map", "fill", Attrs<"pad">>;
type MoveValue = Each<"move">;
export type SourceValue = Each<"source">;
export type ReduceValue = Each<"reduce">;
export type JoinValue = Each<"join">;
export type PadValue = Each<"pad">;
/**
 * Primitives and fused operations: the backend's kernel knows the attributes. A call is its own result, unless it has
 * several.
 */
export type CallValue = Of<"call", AnyOp, unknown>;
/** One of several results of a call, needed or not. */
export type ResultValue = Of<"result", "result", undefined>;

/** A value that the plan computes: no leaf and no view. */
export type ComputedValue = MapValue | SourceValue | ReduceValue | JoinValue | PadValue | CallValue | ResultValue;
export type PlanValue = LeafValue | MoveValue | ComputedValue;

/**
 * Makes a value; a view has a base. Here attributes and inputs get the types of the kind: both were checked when the
 * node was recorded.
 */
function make<V extends PlanValue>(
  id: number,
  kind: V["kind"],
  { op, code, attrs }: Operation,
  inputs: readonly (PlanValue | number)[],
  { shape, dtype }: Typed,
  node: number,
  strides = rowMajor(shape),
  base?: PlanValue,
  offset = 0,
): V {
  const value = { id, kind, op, code, attrs, inputs, shape, dtype, node, strides, base, offset };
  if (base === undefined) value.base = value as PlanValue;
  return value as V;
}

type Operation = Pick<PlanValue, "op" | "code" | "attrs">;

/** An identity map. */
export const castOf = (id: number, x: PlanValue, dtype: DType): MapValue =>
  make(id, "map", { op: "cast", code: codeOf("cast"), attrs: { dtype } }, [x], { shape: x.shape, dtype }, -1);

export const fillOf = (id: number, { attrs, shape, dtype }: PadValue): MapValue =>
  make<MapValue>(id, "map", { op: "fill", code: 0, attrs }, none, { shape, dtype }, -1);

const none: readonly never[] = [];

export interface Values {
  /** Everything that is computed, each after what it reads; all results of a call follow it. */
  readonly values: readonly ComputedValue[];
  readonly leaves: readonly LeafValue[];
  /** Greater than every `id`. */
  readonly count: number;
  /** By id: whether it outlives the plan, under its own handle or that of a view. */
  readonly kept: readonly boolean[];
  /** The values of needed nodes with living handles. */
  readonly outputs: readonly { readonly node: number; readonly value: PlanValue }[];
}

/** Turns needed nodes (in order of recording) into values. */
export function valuesOf(needed: readonly Node[], leafNodes: readonly Node[], traits: TraitsOf): Values {
  const values: ComputedValue[] = [];
  const outputs: { node: number; value: PlanValue }[] = [];
  const byNode: PlanValue[] = [];
  const copies = new Map<PlanValue, PlanValue>();
  const results = new Map<PlanValue, readonly PlanValue[]>();
  let count = 0;
  const leaves = leafNodes.map((x, i) => make<LeafValue>(count++, "leaf", leaf, none, x, i, x.strides));
  const of = (x: Node): PlanValue => (x.storage === undefined ? byNode : leaves)[x.index]!;
  const add = (value: ComputedValue): ComputedValue => {
    values.push(value);
    return value;
  };
  /** An identity map that lays a view out row by row. */
  const copy = (x: PlanValue): PlanValue => {
    let c = copies.get(x);
    if (c === undefined) copies.set(x, (c = add(castOf(count++, x, x.dtype))));
    return c;
  };
  const move = (node: Node, i: number): PlanValue => {
    let x = of(operandsOf(node)[0]!);
    const view = moved(x, node) ?? moved((x = copy(x)), node)!;
    return make<MoveValue>(count++, "move", node, [x], node, i, view.strides, x.base, view.offset);
  };
  const call = (node: Node, i: number): PlanValue => {
    const { accepts } = traits(node.op as AnyOp);
    const inputs = operandsOf(node).map((n, k) => {
      const x = of(n);
      const taken = isRowMajor(x.shape, x.strides) || accepts?.(k, x) === true;
      return taken && x.base.kind !== "source" ? x : copy(x);
    });
    const value = add(make<CallValue>(count++, "call", node, inputs, node, i));
    const several = node.results?.map((r) => add(make<ResultValue>(count++, "result", result, [value], r, -1)));
    if (several !== undefined) results.set(value, several);
    return value;
  };
  const computed = (node: Node, kind: ComputedValue["kind"], i: number): PlanValue => {
    const inputs = node.inputs.map((x) => (typeof x === "number" ? x : of(x)));
    const strides = kind === "source" ? sourceStrides(node) : undefined;
    return add(make<ComputedValue>(count++, kind, node, inputs, node, i, strides));
  };

  needed.forEach((node, i) => {
    const kind = kindOfCode(node.code);
    const value =
      kind === "move"
        ? move(node, i)
        : kind === "call"
          ? call(node, i)
          : kind === "result"
            ? results.get(of(node.inputs[0] as Node))![(node.attrs as { index: number }).index]!
            : computed(node, kind, i);
    byNode.push(value);
    if (node.handles > 0) {
      // A source has no memory: a copy holds what outlives the plan.
      const held = value.base.kind === "source" ? copy(value) : value;
      outputs.push({ node: i, value: held });
    }
  });
  const kept = new Array<boolean>(count).fill(false);
  for (const { value } of outputs) kept[value.base.id] = true;
  return { values, leaves, count, kept, outputs };
}

const leaf: Operation = { op: "leaf", code: 0, attrs: undefined };
const result: Operation = { op: "result", code: 0, attrs: undefined };

/** A source is read like memory whose element at position v is computed from v; its strides give the position. */
const strides: { readonly [K in OpOf<"source">]: (shape: Shape, attrs: Attrs<K>) => readonly number[] } = {
  full: (shape) => shape.map(() => 0),
  iota: (shape, { axis }) => shape.map((_, i) => (i === axis ? 1 : 0)),
  randomBits: rowMajor,
  randomUniform: rowMajor,
};
/** Here the attributes of a source get their type back. */
const sourceStrides = ({ op, shape, attrs }: Node): readonly number[] =>
  strides[op as OpOf<"source">](shape, attrs as never);

/** Whether each index of `shape` reads the element of the base at the same index. */
export const isAligned = (x: PlanValue, shape: Shape): boolean =>
  x.offset === 0 &&
  sameShape(x.base.shape, shape) &&
  sameShape(x.shape, shape) &&
  isRowMajor(x.shape, x.strides) &&
  x.base.kind !== "leaf";

/** Whether all of a value is read in order (possibly at another shape). */
export const isWhole = (x: PlanValue): boolean =>
  x.offset === 0 && sizeOf(x.shape) === sizeOf(x.base.shape) && isRowMajor(x.shape, x.strides);
