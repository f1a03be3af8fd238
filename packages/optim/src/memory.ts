// What an optimizer remembers from step to step.
import type { Param } from "@weft/autograd";
import { nothing, WeakList } from "@weft/autograd/internals";
import type { Slot } from "./update.ts";

export class OptimizerMemory {
  steps = 0;
  readonly slots: WeakMap<Param, Slot> = new WeakMap();
  /** The parameters that have had a slot, in the order of their first update. */
  readonly known: WeakList<Param> = new WeakList();

  add(param: Param, slot: Slot): void {
    this.slots.set(param, slot);
    this.known.add(param);
    param.belongings.add(slot.boxes);
  }

  /** Drops the state of a parameter, and frees its storage. */
  forget(param: Param): void {
    for (const box of Object.values(this.slots.get(param)?.boxes ?? {})) box.reset(nothing(box));
    this.slots.delete(param);
  }
}
