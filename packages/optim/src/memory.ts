// What is remembered of parameters from step to step.
import type { Param } from "@weft/autograd";
import { namedParams, nothing, WeakList, type Keeper, type Kept, type NamedParam } from "@weft/autograd/internals";

export class OptimizerMemory<Slot extends Kept> {
  /** How many steps there have been. */
  steps = 0;
  readonly slots: WeakMap<Param, Slot> = new WeakMap();
  /** The parameters that have had a slot, in the order of their first update. */
  readonly known: WeakList<Param> = new WeakList();

  /** Adds the slot of a parameter, and returns it. */
  add(param: Param, slot: Slot): Slot {
    this.slots.set(param, slot);
    this.known.add(param);
    param.belongings.add(slot.boxes);
    return slot;
  }

  /** Drops the state of a parameter, and frees its storage. */
  forget(param: Param): void {
    for (const box of Object.values(this.slots.get(param)?.boxes ?? {})) box.reset(nothing(box));
    this.slots.delete(param);
  }
}

/** The parameters of a model by path; without one, those that have state, by number. */
export const namedIn = (keeper: Keeper, model: unknown): readonly NamedParam[] =>
  model === undefined ? keeper.known().map((box, k) => ({ path: String(k), box })) : namedParams(model);
