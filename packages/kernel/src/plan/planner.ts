// Planning: from the needed nodes to launches, slots and arena offsets. Runs when a structure is met for the first time.
import { dtypeInfo } from "@weft/tensor/internals";
import { layOut, type Life } from "./arena.ts";
import type { Arrange } from "./chain.ts";
import { donationsOf } from "./donate.ts";
import { itemsOf, type Item } from "./plan-value.ts";
import { KernelCache, launchOf } from "./lower.ts";
import { defaultLimits, merge, type Group, type MergeOptions } from "./merge.ts";
import type { Node } from "../graph/node.ts";
import {
  touched,
  type CallLaunch,
  type CallOperand,
  type Launch,
  type Link,
  type Output,
  type Plan,
  type Slot,
} from "./plan.ts";
import type { AnyOp } from "../graph/operation.ts";
import { sizeOf } from "../graph/view.ts";
import type { TraitsOf } from "./traits.ts";

export interface PlannerOptions {
  readonly fuse: boolean;
  readonly traits: TraitsOf;
  /** Whether reductions can run an epilogue, too. */
  readonly reductions: boolean;
  /** Puts launches together once more, when they and their slots are known. */
  readonly arrange: Arrange | undefined;
  /** Bytes of one block of the arena. */
  readonly largest: number;
}

export class Planner {
  readonly kernels = new KernelCache();
  readonly #options: MergeOptions;
  readonly #traits: TraitsOf;
  readonly #arrange: Arrange | undefined;
  readonly #largest: number;

  constructor({ fuse, traits, reductions, arrange, largest }: PlannerOptions) {
    this.#options = { fuse, traits, reductions, limits: defaultLimits };
    this.#traits = traits;
    this.#arrange = fuse ? arrange : undefined;
    this.#largest = largest;
  }

  plan(needed: readonly Node[], leafNodes: readonly Node[]): Plan {
    const { items, byPlace, leaves } = itemsOf(needed, leafNodes, this.#traits);
    const groups = merge(items, this.#options);
    const slots: Slot[] = [];
    const slotOf = (item: Item, kind: Slot["kind"]): void => {
      item.slot = { index: slots.length, bytes: sizeOf(item.shape) * dtypeInfo[item.dtype].bytes, kind, offset: 0 };
      slots.push(item.slot);
    };
    for (const leaf of leaves) slotOf(leaf, "leaf");
    for (const item of items) {
      const whole = item.kind === "join" || item.kind === "pad";
      if (
        whole ||
        ((item.stored || item.output) && item.target === undefined && !item.absorbed && item.kind !== "source")
      )
        slotOf(item, item.output ? "output" : "arena");
    }
    shareEpilogueSlots(groups);

    const levels: Link[][] = [];
    for (const group of groups.toSorted((a, b) => a.level - b.level)) {
      const launch = this.#launch(group);
      if (launch !== undefined) (levels[group.level] ??= []).push(launch);
    }
    const plain = levels.filter((l) => l !== undefined);
    const filled = this.#arrange?.(plain, slots, this.#traits) ?? plain;
    const outputs = byPlace.flatMap((item, node): Output[] => {
      if (!item.held) return [];
      const { base, offset, strides } = item.written ?? item;
      return [{ node, slot: base.slot!.index, offset, strides }];
    });
    return {
      slots,
      levels: filled,
      outputs,
      kept: slots.filter((s) => s.kind === "output").map((s) => s.index),
      leaves: leaves.map((l) => l.slot!.index),
      donations: donationsOf(slots, filled, this.#traits),
      arena: layOut(livesOf(slots, filled), this.#largest),
    };
  }

  #launch(group: Group): Link | undefined {
    if (group.call === undefined) {
      const launch = launchOf(group, this.kernels)?.launch;
      if (launch === undefined || group.after === undefined) return launch;
      return { ...launch, after: launchOf(group.after, this.kernels)?.launch };
    }
    const after = group.roots.length === 0 ? undefined : launchOf(group, this.kernels);
    const { call } = group;
    if (sizeOf(call.shape) === 0) return undefined;
    const inputs = (call.inputs as Item[]).map(operandOf);
    return {
      kind: "call",
      op: call.op as AnyOp,
      attrs: call.attrs,
      out: operandOf(call),
      inputs,
      node: call.place,
      after,
    } satisfies CallLaunch;
  }
}

function operandOf(x: Item): CallOperand {
  const { base } = x;
  const at = base.target;
  const offset = x.offset + (at?.view.offset ?? 0);
  const slot = (at?.into.slot ?? base.slot)!.index;
  return { slot, bytes: offset * dtypeInfo[x.dtype].bytes, shape: x.shape, strides: x.strides, dtype: x.dtype };
}

/** A call or reduction that only its own epilogue reads writes where the epilogue's first result will stand. */
function shareEpilogueSlots(groups: readonly Group[]): void {
  for (const group of groups) {
    const { call, roots } = group.after ?? group;
    if (call === undefined || call.output || roots.length === 0) continue;
    if (call.readers.some((g) => g.call !== call)) continue;
    const heir = roots.find((r) => r.slot !== undefined && r.dtype === call.dtype);
    if (heir !== undefined) call.slot = heir.slot;
  }
}

function livesOf(slots: readonly Slot[], levels: readonly (readonly Launch[])[]): Life[] {
  const lives = new Map<number, Life>();
  let time = 0;
  const touch = (index: number): void => {
    const slot = slots[index]!;
    if (slot.kind !== "arena") return;
    const life = lives.get(index);
    if (life === undefined) lives.set(index, { slot, first: time, last: time });
    else life.last = time;
  };
  for (const level of levels) {
    // Launches of one level may run at the same time, so they count as one moment.
    for (const launch of level) touched(launch, touch);
    time++;
  }
  return [...lives.values()];
}
