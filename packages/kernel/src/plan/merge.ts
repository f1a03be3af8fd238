// Which operations share a launch. Producers go into consumers: a map that one reader uses is evaluated inside it. Maps over
// one index space that are ready together stand side by side in one launch, and the elementwise work on a call's result
// becomes its epilogue. A launch waits only for launches of lower levels, so merging never makes a cycle.
import type { Shape } from "@weft/tensor";
import { isStorage } from "@weft/tensor/internals";
import { isAligned, isWhole, type Item } from "./plan-value.ts";
import type { AnyOp } from "../graph/operation.ts";
import { sameShape } from "../graph/view.ts";
import type { TraitsOf } from "./traits.ts";

/** Bounds of one launch: they keep kernels small, and the number of different kernels for long chains low. */
export interface Limits {
  /** Operations evaluated inside one reader. */
  readonly tree: number;
  /** Operations in one launch. */
  readonly launch: number;
  /** Values read by one launch. */
  readonly operands: number;
}

export const defaultLimits: Limits = { tree: 24, launch: 64, operands: 14 };

export interface MergeOptions {
  /** False gives every operation a launch of its own: results must not change. */
  readonly fuse: boolean;
  readonly limits: Limits;
  /** Of calls: whether they can run an epilogue while their result is warm. */
  readonly traits: TraitsOf;
  /** Whether reductions can. */
  readonly reductions: boolean;
}

export interface Group {
  readonly kind: "map" | "reduce" | "call";
  /** The index space: the shape of what is computed (of a reduction: of what is reduced). */
  readonly shape: Shape;
  /** Runs after every group of a lower level. */
  readonly level: number;
  /** Maps whose values leave the launch (for a call: its epilogue), or the one reduction. */
  readonly roots: Item[];
  readonly call: Item | undefined;
  /** Of a reduction: the maps that run on its results, like the epilogue of a call. */
  after: Group | undefined;
  size: number;
  /** Values read, for the bound on operands. */
  readonly reads: Set<Item>;
}

/** Assigns a group to every item that runs, and marks what must be stored. */
export function merge(items: readonly Item[], options: MergeOptions): Group[] {
  if (options.fuse) for (const item of items) absorb(item, options.limits);
  const groups: Group[] = [];
  for (const item of items) {
    if (item.absorbed || item.kind === "source" || item.kind === "join" || item.kind === "pad") continue;
    const reads = readsOf(item);
    const mergeable = item.kind === "map" && options.fuse;
    const group =
      (mergeable && (joinable(item, reads, options) ?? behindReduction(item, reads, options))) ||
      open(item, reads, groups);
    item.group = group;
    if (item !== group.call) group.roots.push(item);
    group.size += item.size;
    for (const { base } of reads) {
      group.reads.add(base);
      base.addReader(group);
    }
  }
  for (const group of groups.flatMap((g) => (g.after === undefined ? [g] : [g, g.after]))) {
    if (group.call !== undefined) {
      group.call.stored = true;
      for (const x of readsOf(group.call)) x.base.stored = true;
    }
    for (const root of group.roots) {
      if (root.output || root.kind === "reduce") root.stored = true;
      for (const x of readsOf(root)) if (x.base.group !== group || !isAligned(x, group.shape)) x.base.stored = true;
    }
  }
  return groups;
}

/** A value of a dtype that is only stored: it is rounded when it is written, so whoever reads it must read what was written. */
const isRounded = ({ dtype }: Item): boolean => isStorage(dtype);

/** Evaluates inside `item` the maps that it alone reads, as far as the bounds allow. */
function absorb(item: Item, limits: Limits): void {
  if (item.kind !== "map" && item.kind !== "reduce") return;
  for (const x of item.inputs) {
    if (typeof x === "number") continue;
    const b = x.base;
    if (b.kind !== "map" || b.absorbed || b.output || b.shared || !b.aligned || b.target !== undefined) continue;
    if (isRounded(b)) continue;
    if (item.size + b.size > limits.tree || item.loads + b.loads > limits.operands) continue;
    b.absorbed = true;
    item.size += b.size;
    item.loads += b.loads;
  }
}

/** The views that an item reads from memory or from its group, through what it has absorbed. */
function readsOf(item: Item, out: Item[] = []): Item[] {
  for (const x of item.inputs) {
    if (typeof x === "number" || x.base.kind === "source") continue;
    if (x.base.absorbed) readsOf(x.base, out);
    else out.push(x);
  }
  return out;
}

/** The level at which a value is complete. */
function ready(b: Item): number {
  if (b.kind === "leaf" || b.kind === "source") return 0;
  if (b.group !== undefined) return b.group.level;
  let level = 0;
  for (const part of b.parts) level = Math.max(level, ready(part));
  return level;
}

/** A group that the map may join: one that makes what it reads, or one that reads what it reads. */
function joinable(item: Item, reads: readonly Item[], options: MergeOptions): Group | undefined {
  let best: Group | undefined;
  for (const x of reads) {
    const g = x.base.group;
    if (g === undefined || g.kind === "reduce" || isBehind(g) || (best !== undefined && g.level <= best.level))
      continue;
    if (g.kind === "call" && options.traits(g.call!.op as AnyOp).epilogue !== true) continue;
    if (isAligned(x, item.shape)) best = g;
  }
  if (best !== undefined && fits(best, item, reads, options)) return best;
  for (const x of reads) {
    for (const g of x.base.readers) if (g.kind === "map" && !isBehind(g) && fits(g, item, reads, options)) return g;
  }
  return undefined;
}

/** Whether the group is what runs behind a reduction. */
const isBehind = (g: Group): boolean => g.kind === "map" && g.call !== undefined;

/** The maps behind the reduction whose result the map reads, element by element and possibly at another shape. */
function behindReduction(item: Item, reads: readonly Item[], options: MergeOptions): Group | undefined {
  if (!options.reductions) return undefined;
  for (const x of reads) {
    const { base } = x;
    const g = base.group;
    if (g === undefined || !sameShape(x.shape, item.shape)) continue;
    if (isBehind(g) && isAligned(x, g.shape) && fits(g, item, reads, options)) return g;
    // Masks lie in bytes that neighbors share.
    if (
      g.kind !== "reduce" ||
      base.dtype === "bool" ||
      !isWhole(x) ||
      (g.after !== undefined && !sameShape(g.after.shape, x.shape))
    )
      continue;
    const after: Group = (g.after ??= {
      kind: "map",
      shape: x.shape,
      level: g.level,
      roots: [],
      call: base,
      after: undefined,
      size: 0,
      reads: new Set([base]),
    });
    if (fits(after, item, reads, options)) return after;
    if (after.roots.length === 0) g.after = undefined;
  }
  return undefined;
}

function fits(g: Group, item: Item, reads: readonly Item[], { limits }: MergeOptions): boolean {
  if (!sameShape(g.shape, item.shape) || g.size + item.size > limits.launch) return false;
  if (item.waits !== undefined && ready(item.waits) >= g.level) return false;
  let fresh = 0;
  for (const x of reads) {
    if (x.base === g.call) {
      // A call's result is read as it was computed; that of a reduction may be seen at another shape.
      if (!(g.kind === "map" ? isWhole(x) && sameShape(x.shape, g.shape) : isAligned(x, g.shape))) return false;
    } else if (x.base.group === g) {
      if (!isAligned(x, g.shape) || isRounded(x.base)) return false;
    } else {
      if (ready(x.base) >= g.level) return false;
      if (!g.reads.has(x.base)) fresh++;
    }
  }
  return g.reads.size + fresh <= limits.operands;
}

function open(item: Item, reads: readonly Item[], groups: Group[]): Group {
  let level = item.waits === undefined ? 0 : ready(item.waits);
  for (const x of reads) level = Math.max(level, ready(x.base));
  const kind = item.kind as "map" | "reduce" | "call";
  const shape = kind === "reduce" ? (item.inputs[0] as Item).shape : item.shape;
  const group: Group = {
    kind,
    shape,
    level: level + 1,
    roots: [],
    call: kind === "call" ? item : undefined,
    after: undefined,
    size: 0,
    reads: new Set(),
  };
  groups.push(group);
  return group;
}
