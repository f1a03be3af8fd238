// The fifth pass: which values get memory, and which memory outlives the plan.
import { dtypeInfo, sizeOf } from "@weft/tensor/internals";
import type { Joins } from "./joins.ts";
import type { Grouping } from "./merge.ts";
import type { Slot } from "./plan.ts";
import type { PlanValue, Values } from "./plan-value.ts";

/** Where the elements of a value begin. */
interface Address {
  readonly slot: number;
  readonly bytes: number;
}

export interface StorageMap {
  readonly slots: readonly Slot[];
  /** Of a value that holds elements and is stored. */
  readonly addressOf: (base: PlanValue) => Address;
}

export function slotsOf(
  { leaves, kept }: Pick<Values, "leaves" | "kept">,
  { values, count, targets }: Joins,
  { groups, readers, stored }: Grouping,
): StorageMap {
  const slots: Slot[] = [];
  const slotOf = new Array<Slot | undefined>(count).fill(undefined);
  const addSlot = (value: PlanValue, kind: Slot["kind"]): void => {
    const slot: Slot = {
      index: slots.length,
      bytes: sizeOf(value.shape) * dtypeInfo[value.dtype].bytes,
      kind,
      offset: 0,
    };
    slotOf[value.id] = slot;
    slots.push(slot);
  };
  for (const leaf of leaves) addSlot(leaf, "leaf");
  for (const value of values) {
    const whole = value.kind === "join" || value.kind === "pad";
    if (whole || (stored[value.id]! && !targets.has(value))) addSlot(value, kept[value.id]! ? "output" : "arena");
  }
  // A call or reduction that only its own epilogue reads shares the slot of the epilogue's first result.
  for (const group of groups) {
    const { call, roots } = group.after ?? group;
    if (call === undefined || kept[call.id]! || roots.length === 0) continue;
    if (readers[call.id]?.some((g) => g.call !== call) === true) continue;
    const result = roots.find((r) => slotOf[r.id] !== undefined && r.dtype === call.dtype);
    if (result !== undefined) slotOf[call.id] = slotOf[result.id];
  }
  const addressOf = (base: PlanValue): Address => {
    const target = targets.get(base);
    if (target === undefined) return { slot: slotOf[base.id]!.index, bytes: 0 };
    return { slot: slotOf[target.into.id]!.index, bytes: target.view.offset * dtypeInfo[base.dtype].bytes };
  };
  return { slots, addressOf };
}
