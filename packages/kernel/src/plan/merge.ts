// The fourth pass: which operations share a launch. Maps over one index space whose operands are ready at the same
// level share a launch, and the elementwise work on the result of a call or a reduction becomes its epilogue. A launch
// waits only for launches of lower levels, so merging never makes a cycle.
import type { Shape } from "@weft/tensor";
import { sameShape } from "@weft/tensor/internals";
import { isRounded, readsOf, type Absorption, type Limits } from "./absorption.ts";
import type { Joins } from "./joins.ts";
import {
  isAligned,
  isWhole,
  type CallValue,
  type MapValue,
  type PlanValue,
  type ReduceValue,
  type ResultValue,
} from "./plan-value.ts";
import type { TraitsOf } from "./traits.ts";

export interface MergeOptions {
  /** False gives every operation a launch of its own: results must not change. */
  readonly fuse: boolean;
  readonly limits: Limits;
  /** Traits of calls: whether they can run an epilogue on their result. */
  readonly traits: TraitsOf;
  /** Whether reductions can run an epilogue. */
  readonly reductions: boolean;
}

/** What one launch runs. */
export interface Group {
  readonly kind: "map" | "reduce" | "call";
  /** The index space: the shape of what is computed (of a reduction: of what is reduced). */
  readonly shape: Shape;
  /** Runs after every group of a lower level. */
  readonly level: number;
  /** Maps whose values leave the launch (for a call: its epilogue), or the one reduction. */
  readonly roots: readonly (MapValue | ReduceValue)[];
  /** The call; in the epilogue of a reduction, the reduction. */
  readonly call: CallValue | ReduceValue | undefined;
  /** The results of a call that has several. */
  readonly results: readonly ResultValue[];
  /** Of a reduction: the maps that run on its results, like the epilogue of a call. */
  readonly after: Group | undefined;
}

export interface Grouping {
  readonly groups: readonly Group[];
  /** By id: the group that computes the value. */
  readonly groupOf: readonly (Group | undefined)[];
  /** By id: the groups that read the value. */
  readonly readers: readonly (readonly Group[] | undefined)[];
  /** By id: whether the value is read, or kept, from memory. */
  readonly stored: readonly boolean[];
}

/** A value that a launch computes; the others are memory or expressions inside a launch. */
type RunValue = MapValue | ReduceValue | CallValue;

/** A group while operations join it. */
interface OpenGroup extends Group {
  readonly roots: (MapValue | ReduceValue)[];
  readonly results: ResultValue[];
  after: OpenGroup | undefined;
  size: number;
  /** Values read, for the bound on operands. */
  readonly reads: Set<PlanValue>;
}

export function merge(
  { values, count, targets, parts }: Joins,
  { absorbed, sizes }: Absorption,
  kept: readonly boolean[],
  options: MergeOptions,
): Grouping {
  const merger = new Merger(count, sizes, { targets, parts }, options);
  for (const value of values) {
    const runs = value.kind === "map" || value.kind === "reduce" || value.kind === "call";
    if (value.kind === "result") merger.addResult(value);
    else if (runs && !absorbed[value.id]!) merger.add(value, readsOf(value, absorbed), kept[value.id]!);
  }
  return merger;
}

/** Assigns operations to groups, one after the other. */
class Merger {
  readonly groups: OpenGroup[] = [];
  readonly groupOf: (OpenGroup | undefined)[];
  readonly readers: (OpenGroup[] | undefined)[];
  readonly stored: boolean[];
  /** By id: the level at which a join or pad is complete. */
  readonly #joined: number[] = [];
  readonly #sizes: readonly number[];
  readonly #joins: Pick<Joins, "targets" | "parts">;
  readonly #options: MergeOptions;

  constructor(count: number, sizes: readonly number[], joins: Pick<Joins, "targets" | "parts">, options: MergeOptions) {
    this.groupOf = new Array<undefined>(count).fill(undefined);
    this.readers = new Array<undefined>(count).fill(undefined);
    this.stored = new Array<boolean>(count).fill(false);
    this.#sizes = sizes;
    this.#joins = joins;
    this.#options = options;
  }

  add(value: RunValue, reads: readonly PlanValue[], kept: boolean): void {
    const isMap = value.kind === "map";
    const group =
      (isMap && this.#options.fuse && (this.#joinable(value, reads) ?? this.#afterReduction(value, reads))) ||
      this.#open(value, reads);
    this.groupOf[value.id] = group;
    if (value.kind !== "call") group.roots.push(value);
    group.size += this.#sizes[value.id]!;
    if (!isMap || kept) this.stored[value.id] = true;
    for (const x of reads) {
      const { base } = x;
      group.reads.add(base);
      if (!isMap || this.groupOf[base.id] !== group || !isAligned(x, group.shape)) this.stored[base.id] = true;
      const others = this.readers[base.id];
      if (others === undefined) this.readers[base.id] = [group];
      else if (others.at(-1) !== group) others.push(group);
    }
  }

  /** One of several results of a call: they have memory, and the call itself has none. */
  addResult(value: ResultValue): void {
    const [call] = value.inputs as [CallValue];
    const group = this.groupOf[call.id]!;
    group.results.push(value);
    this.groupOf[value.id] = group;
    // All results share one list: readers of different results may share a launch.
    this.readers[value.id] = this.readers[call.id] ??= [];
    this.stored[call.id] = false;
    this.stored[value.id] = true;
  }

  /** The level at which a value is complete. */
  #ready(b: PlanValue): number {
    const group = this.groupOf[b.id];
    if (group !== undefined) return group.level;
    if (b.kind !== "join" && b.kind !== "pad") return 0;
    // Each part was assigned before. A sequence has as many parts as steps, and each step may read it.
    return (this.#joined[b.id] ??= this.#joins.parts
      .get(b)!
      .reduce((level, part) => Math.max(level, this.#ready(part)), 0));
  }

  /** The level at which all these values are complete. */
  #allReady(reads: readonly PlanValue[]): number {
    let level = 0;
    for (const x of reads) level = Math.max(level, this.#ready(x.base));
    return level;
  }

  /** The level at which what must be written before a value is complete. */
  #filled(value: RunValue): number | undefined {
    const fill = this.#joins.targets.get(value)?.fill;
    return fill && this.#ready(fill);
  }

  /** A group that the map may join: one that computes an operand of it, or one that reads the same operand. */
  #joinable(value: MapValue, reads: readonly PlanValue[]): OpenGroup | undefined {
    let best: OpenGroup | undefined;
    for (const x of reads) {
      const g = this.groupOf[x.base.id];
      if (
        g === undefined ||
        g.kind === "reduce" ||
        isReductionEpilogue(g) ||
        (best !== undefined && g.level <= best.level)
      )
        continue;
      if (g.call?.kind === "call" && (g.results.length > 0 || this.#options.traits(g.call.op).epilogue !== true))
        continue;
      if (isAligned(x, value.shape)) best = g;
    }
    if (best !== undefined && this.#fits(best, value, reads)) return best;
    // Most readers of a value that many steps read, such as a weight, run too early.
    const ready = this.#allReady(reads);
    for (const x of reads) {
      for (const g of this.readers[x.base.id] ?? [])
        if (
          g.level >= ready &&
          g.kind === "map" &&
          g.roots.length < this.#options.limits.beside &&
          !isReductionEpilogue(g) &&
          this.#fits(g, value, reads)
        )
          return g;
    }
    return undefined;
  }

  /** The epilogue of the reduction whose result the map reads, element by element and possibly at another shape. */
  #afterReduction(value: MapValue, reads: readonly PlanValue[]): OpenGroup | undefined {
    if (!this.#options.reductions) return undefined;
    for (const x of reads) {
      const { base } = x;
      const g = this.groupOf[base.id];
      if (g === undefined || !sameShape(x.shape, value.shape)) continue;
      if (isReductionEpilogue(g) && isAligned(x, g.shape) && this.#fits(g, value, reads)) return g;
      // Not for bool: its elements are bytes of a word that neighbors share.
      if (base.kind !== "reduce" || base.dtype === "bool" || !isWhole(x)) continue;
      if (g.after !== undefined && !sameShape(g.after.shape, x.shape)) continue;
      const after = g.after ?? opened("map", x.shape, g.level, base);
      after.reads.add(base);
      if (!this.#fits(after, value, reads)) continue;
      return (g.after = after);
    }
    return undefined;
  }

  #fits(g: OpenGroup, value: MapValue, reads: readonly PlanValue[]): boolean {
    const { limits } = this.#options;
    if (!sameShape(g.shape, value.shape) || g.size + this.#sizes[value.id]! > limits.launch) return false;
    const filled = this.#filled(value);
    if (filled !== undefined && filled >= g.level) return false;
    let added = 0;
    for (const x of reads) {
      if (x.base === g.call) {
        // A call's result is read as it was computed; that of a reduction may be seen at another shape.
        if (!(g.kind === "map" ? isWhole(x) && sameShape(x.shape, g.shape) : isAligned(x, g.shape))) return false;
      } else if (this.groupOf[x.base.id] === g) {
        if (!isAligned(x, g.shape) || isRounded(x.base)) return false;
      } else {
        if (this.#ready(x.base) >= g.level) return false;
        if (!g.reads.has(x.base)) added++;
      }
    }
    return g.reads.size + added <= limits.operands;
  }

  #open(value: RunValue, reads: readonly PlanValue[]): OpenGroup {
    const level = Math.max(this.#filled(value) ?? 0, this.#allReady(reads));
    const shape = value.kind === "reduce" ? value.inputs[0]!.shape : value.shape;
    const group = opened(value.kind, shape, level + 1, value.kind === "call" ? value : undefined);
    this.groups.push(group);
    return group;
  }
}

/** Whether the group is the epilogue of a reduction. */
const isReductionEpilogue = (g: Group): boolean => g.kind === "map" && g.call !== undefined;

const opened = (kind: Group["kind"], shape: Shape, level: number, call: Group["call"]): OpenGroup => ({
  kind,
  shape,
  level,
  roots: [],
  call,
  results: [],
  after: undefined,
  size: 0,
  reads: new Set(),
});
