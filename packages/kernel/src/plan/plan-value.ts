// What the planner sees of a needed node: where its value is read from (a base and a strided view of it) and who reads it.
// Movement disappears here; where strides cannot say it, an identity map (a copy) takes its place.
import type { DType, Shape } from "@weft/tensor";
import type { Group } from "./merge.ts";
import type { Node } from "../graph/node.ts";
import { codeOf, kindOfCode, type AnyOp, type Kind } from "../graph/operation.ts";
import type { Slot } from "./plan.ts";
import type { TraitsOf } from "./traits.ts";
import { isRowMajor, moves, rowMajor, sameShape, sizeOf, type View } from "../graph/view.ts";

const nobody: Group[] = [];
const nothing: Item[] = [];

export class Item implements View {
  readonly kind: Kind | "leaf";
  readonly op: AnyOp | "leaf" | "fill";
  readonly code: number;
  readonly attrs: unknown;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly inputs: readonly (Item | number)[];
  /** Place of the node among the needed ones (of a leaf: among the leaves); -1 for what the planner made itself. */
  readonly place: number;
  /** The value that holds the elements; itself unless this is a view. */
  base: Item = this;
  offset = 0;
  strides: readonly number[];
  /** A handle lives: the node gets storage of its own. */
  held = false;
  /** Outlives the plan, under its own handle or that of a view. */
  output = false;
  /** A source that outlives the plan: the copy that holds it. */
  written: Item | undefined = undefined;
  /** The reader; whether there are others; whether all read element by element at the same index. */
  user: Item | undefined = undefined;
  shared = false;
  aligned = true;
  /** Evaluated inside its only reader; has no group of its own. */
  absorbed = false;
  /** Operations and reads, with what is absorbed. */
  size = 1;
  loads = 0;
  group: Group | undefined = undefined;
  /** Groups that read this value, for merging side by side. */
  readers: Group[] = nobody;
  stored = false;
  slot: Slot | undefined = undefined;
  /** Where a map writes instead of a slot of its own: into this join or pad, at this view. */
  target: { readonly into: Item; readonly view: View } | undefined = undefined;
  /** A join or pad is complete when these are. */
  parts: Item[] = nothing;
  /** Must be written before this is. */
  waits: Item | undefined = undefined;
  /** The draft of a kernel that last computed this value, and its line there. */
  draft: object | undefined = undefined;
  line = 0;

  constructor(
    kind: Kind | "leaf",
    op: AnyOp | "leaf" | "fill",
    attrs: unknown,
    shape: Shape,
    dtype: DType,
    inputs: readonly (Item | number)[],
    place: number,
  ) {
    this.kind = kind;
    this.op = op;
    this.code = op === "leaf" || op === "fill" ? 0 : codeOf(op);
    this.attrs = attrs;
    this.shape = shape;
    this.dtype = dtype;
    this.inputs = inputs;
    this.place = place;
    this.strides = rowMajor(shape);
  }

  addReader(group: Group): void {
    if (this.readers.length === 0) this.readers = [group];
    else if (this.readers.at(-1) !== group) this.readers.push(group);
  }
  addPart(part: Item): void {
    if (this.parts.length === 0) this.parts = [part];
    else this.parts.push(part);
  }
}

export interface Items {
  /** Everything but views, each after what it reads. */
  readonly items: readonly Item[];
  /** By place among the needed nodes. */
  readonly byPlace: readonly Item[];
  readonly leaves: readonly Item[];
}

/** Turns needed nodes (in order of recording) into items. */
export function itemsOf(needed: readonly Node[], leafNodes: readonly Node[], traitsOf: TraitsOf): Items {
  const items: Item[] = [];
  const byPlace: Item[] = [];
  const copies = new Map<Item, Item>();
  const leaves = leafNodes.map((leaf, i) => {
    const item = new Item("leaf", "leaf", undefined, leaf.shape, leaf.dtype, [], i);
    item.strides = leaf.strides;
    return item;
  });
  const of = (x: Node | number): Item | number =>
    typeof x === "number" ? x : x.storage === undefined ? byPlace[x.index]! : leaves[x.index]!;
  /** An identity map that lays a view out row by row. */
  const copy = (x: Item): Item => {
    let c = copies.get(x);
    if (c === undefined) {
      c = new Item("map", "cast", { dtype: x.dtype }, x.shape, x.dtype, [x], -1);
      copies.set(x, c);
      items.push(c);
    }
    return c;
  };

  needed.forEach((node, place) => {
    const kind = kindOfCode(node.code);
    let inputs = node.inputs.map(of);
    if (kind === "call") {
      const { accepts } = traitsOf(node.op as AnyOp);
      inputs = (inputs as Item[]).map((x, i) =>
        x.base.kind !== "source" && (isRowMajor(x.shape, x.strides) || accepts?.(i, x) === true) ? x : copy(x),
      );
    }
    let item: Item;
    if (kind === "move") {
      const move = (x: Item): View | undefined => moves[node.op as keyof typeof moves](x, node.attrs as never);
      let x = inputs[0] as Item;
      let view = move(x);
      if (view === undefined) view = move((x = copy(x)))!;
      item = new Item(kind, node.op, node.attrs, node.shape, node.dtype, [x], place);
      item.base = x.base;
      item.offset = view.offset;
      item.strides = view.strides;
    } else {
      item = new Item(kind, node.op, node.attrs, node.shape, node.dtype, inputs, place);
      if (kind === "source") item.strides = sourceStrides(item);
      items.push(item);
    }
    byPlace.push(item);
    if (node.handles > 0) {
      item.held = true;
      if (item.base.kind === "source") (item.written = copy(item)).output = true;
      else item.base.output = true;
    }
  });
  for (const item of items) countReads(item);
  return { items: placeJoins(items), byPlace, leaves };
}

/** An expression of the index is a value whose "memory" at place v is the number v; its strides say where it looks. */
function sourceStrides(item: Item): readonly number[] {
  if (item.op === "full") return item.shape.map(() => 0);
  if (item.op === "iota") return item.shape.map((_, i) => (i === (item.attrs as { axis: number }).axis ? 1 : 0));
  return rowMajor(item.shape);
}

/** Whether `x` is read at each index of `shape` exactly where its base holds that index. */
export const isAligned = (x: Item, shape: Shape): boolean =>
  x.offset === 0 &&
  sameShape(x.base.shape, shape) &&
  sameShape(x.shape, shape) &&
  isRowMajor(x.shape, x.strides) &&
  x.base.kind !== "leaf";

/** Whether a value is read as it stands: all of it, in order (possibly at another shape). */
export const isWhole = (x: Item): boolean =>
  x.offset === 0 && sizeOf(x.shape) === sizeOf(x.base.shape) && isRowMajor(x.shape, x.strides);

function countReads(item: Item): void {
  for (const x of item.inputs) {
    if (typeof x === "number") continue;
    const b = x.base;
    if (b.user !== undefined && (b.user !== item || item.kind === "join")) b.shared = true;
    b.user = item;
    if (item.kind === "reduce") b.aligned &&= isAligned(x, x.shape);
    else b.aligned &&= item.kind === "map" && isAligned(x, item.shape);
    if (b.kind !== "source") item.loads++;
  }
}

/**
 * Joins and pads become writes into parts of one value: a map that lies whole in its part writes there directly, all else is
 * copied in.
 */
function placeJoins(items: readonly Item[]): Item[] {
  const all: Item[] = [];
  for (const item of items) {
    if (item.kind === "join") {
      const { axis } = item.attrs as { axis: number };
      let start = 0;
      for (const x of item.inputs as Item[]) {
        const starts = item.shape.map((_, i) => (i === axis ? start : 0));
        if (sizeOf(x.shape) > 0)
          placePart(
            item,
            x,
            starts,
            x.shape.map(() => 1),
            all,
          );
        start += x.shape[axis]!;
      }
    } else if (item.kind === "pad") {
      const { before, interior } = item.attrs as { before: readonly number[]; interior: readonly number[] };
      const fill = new Item("map", "fill", item.attrs, item.shape, item.dtype, [], -1);
      fill.target = { into: item, view: { shape: item.shape, strides: rowMajor(item.shape), offset: 0 } };
      item.addPart(fill);
      all.push(fill);
      const x = item.inputs[0] as Item;
      if (sizeOf(x.shape) > 0)
        placePart(
          item,
          x,
          before,
          interior.map((n) => n + 1),
          all,
          fill,
        );
    }
    all.push(item);
  }
  return all;
}

function placePart(
  into: Item,
  x: Item,
  starts: readonly number[],
  steps: readonly number[],
  all: Item[],
  fill?: Item,
): void {
  const region = moves.slice(
    { shape: into.shape, strides: rowMajor(into.shape), offset: 0 },
    { starts, sizes: x.shape, steps },
  )!;
  const b = x.base;
  if (b.kind === "map" && !b.output && b.target === undefined && fill === undefined && isWhole(x)) {
    const view = sameShape(b.shape, x.shape) ? region : moves.reshape(region, { shape: b.shape });
    // Other readers see the value where it lies now: possible if it still lies in order.
    if (view !== undefined && (!b.shared || isRowMajor(view.shape, view.strides))) {
      b.target = { into, view };
      into.addPart(b);
      return;
    }
  }
  const part = new Item("map", "cast", { dtype: into.dtype }, x.shape, into.dtype, [x], -1);
  part.target = { into, view: region };
  part.waits = fill;
  if (b.kind !== "source") part.loads = 1;
  // The part reads in the join's stead.
  if (!b.shared && b.user === into) {
    b.user = part;
    b.aligned = isAligned(x, part.shape);
  }
  into.addPart(part);
  all.push(part);
}
