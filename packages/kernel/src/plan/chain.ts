// Chains: launches of successive levels in which row i of each result needs only row i of what was computed before
// (logits, softmax, loss, their gradients) become one launch, whose workgroups own rows. On a GPU a launch costs more
// than a small product, and waits for all launches before it.
import { sizeOf } from "@weft/tensor/internals";
import { layout } from "../language.ts";
import { epilogueOf, touched, type CallLaunch, type KernelLaunch, type Launch, type Link, type Slot } from "./plan.ts";
import { isRowMajor } from "../graph/view.ts";
import type { Rowwise, TraitsOf } from "./traits.ts";

/** Rearranges the launches of a plan, level by level. */
export type Arrange = (
  levels: readonly (readonly Link[])[],
  slots: readonly Slot[],
  traits: TraitsOf,
) => readonly (readonly Launch[])[];

type RowwiseCall = (launch: CallLaunch) => Rowwise | undefined;

/** The most launches in one chain. */
const LINKS = 12;

/** A launch or a chain in the making. */
interface Unit {
  readonly links: Link[];
  readonly level: number;
  /** Rows of a unit that is, or may become, a chain; 0 for others. */
  readonly rows: number;
}

/** The launches, level by level, with chains where possible. */
export function chained(
  levels: readonly (readonly Link[])[],
  slots: readonly Slot[],
  traits: TraitsOf,
): readonly (readonly Launch[])[] {
  const rowwise: RowwiseCall = (launch) => traits(launch.op).rowwise?.(launch);
  const units: Unit[] = [];
  /** By slot: the units that write it, and the original level of the write. */
  const writers = new Map<number, { readonly unit: Unit; readonly was: number }[]>();
  const many = writtenByMany(levels);
  const all = levels.flatMap((list, was) => list.map((launch) => ({ launch, was })));
  for (const { launch, was } of all) {
    const before = new Set<Unit>();
    touched(launch, (slot) => {
      for (const w of writers.get(slot) ?? []) {
        if (w.was >= was) break; // parts of a join in one level stay independent
        before.add(w.unit);
      }
    });
    const level = Math.max(0, ...Array.from(before, (unit) => unit.level));
    let unit = [...before].find(
      (u) =>
        u.rows > 0 &&
        u.links.length < LINKS &&
        [...before].every((other) => other === u || other.level < u.level) &&
        continues(u, launch, slots, many, rowwise),
    );
    if (unit !== undefined) unit.links.push(launch);
    else {
      const rows = launch.kind === "call" ? (rowwise(launch)?.rows ?? 0) : 0;
      const starts = rows > 0 && byRows(launch, rows, slots, many, new Set(), rowwise);
      unit = { links: [launch], level: level + 1, rows: starts ? rows : 0 };
      units.push(unit);
    }
    touched(launch, (slot, write) => {
      if (!write) return;
      const list = writers.get(slot);
      if (list === undefined) writers.set(slot, [{ unit, was }]);
      else list.push({ unit, was });
    });
  }
  const found: Launch[][] = [];
  for (const { links, level, rows } of units)
    (found[level] ??= []).push(links.length === 1 ? links[0]! : { kind: "chain", rows, links });
  return found.filter((l) => l !== undefined);
}

/** Slots that several launches write: joins, whose rows belong to no single unit. */
function writtenByMany(levels: readonly (readonly Link[])[]): Set<number> {
  const first = new Map<number, Link>();
  const many = new Set<number>();
  for (const launch of levels.flat())
    touched(launch, (slot, write) => {
      if (!write) return;
      const other = first.get(slot);
      if (other === undefined) first.set(slot, launch);
      else if (other !== launch) many.add(slot);
    });
  return many;
}

function continues(
  unit: Unit,
  launch: Link,
  slots: readonly Slot[],
  many: ReadonlySet<number>,
  rowwise: RowwiseCall,
): boolean {
  const made = new Set<number>();
  for (const link of unit.links) touched(link, (slot, write) => write && made.add(slot));
  return byRows(launch, unit.rows, slots, many, made, rowwise);
}

/** Whether each row of a launch's results needs only that row of the slots in `made`. */
function byRows(
  launch: Link,
  rows: number,
  slots: readonly Slot[],
  many: ReadonlySet<number>,
  made: ReadonlySet<number>,
  rowwise: RowwiseCall,
): boolean {
  let whole = true;
  touched(launch, (slot, write) => {
    if (write && (many.has(slot) || slots[slot]!.bytes % rows !== 0)) whole = false;
  });
  if (!whole) return false;
  const epilogue = epilogueOf(launch);
  if (epilogue !== undefined && !kernelByRows(epilogue, rows, slots, made)) return false;
  if (launch.kind === "kernel") return kernelByRows(launch, rows, slots, made);
  const way = rowwise(launch);
  if (way === undefined || way.rows !== rows || launch.outs.some((out) => out.bytes !== 0)) return false;
  return launch.inputs.every(
    ({ slot, bytes, shape, strides }, k) =>
      !made.has(slot) ||
      (way.local.includes(k) &&
        bytes === 0 &&
        isRowMajor(shape, strides) &&
        sizeOf(shape) % rows === 0 &&
        sizeOf(shape) * 4 === slots[slot]!.bytes),
  );
}

/**
 * The same for a kernel: its outermost loop runs over rows, and inside a row it stays within that row of each such
 * slot.
 */
function kernelByRows(
  { kernel, words, places }: KernelLaunch,
  rows: number,
  slots: readonly Slot[],
  made: ReadonlySet<number>,
): boolean {
  const { rank, reduced } = kernel;
  const first = words[layout.end]! - words[layout.begin]!;
  if (rank - reduced < 1 || first % rows !== 0) return false;
  return places.every(({ word, slot, bytes, write }) => {
    if (!write && !made.has(slot)) return true;
    const row = slots[slot]!.bytes / rows;
    const stride = words[word + 1]!;
    if (stride * (first / rows) !== row || bytes < 0) return false;
    let last = bytes + stride * (first / rows - 1);
    for (let l = 1; l < rank; l++) {
      const step = words[word + 1 + l]!;
      if (step < 0) return false;
      last += step * (words[layout.size(l)]! - 1);
    }
    return last < row;
  });
}
