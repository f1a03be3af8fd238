// Moving a model: its parameters, its running state, and the state that optimisers keep for its parameters.
import type { State } from "@weft/autograd";
import type { Backend } from "@weft/tensor";
import { assign, hostValues, type Cell } from "./parameter.ts";
import { boxes } from "./tree.ts";

/** Under this key a parameter lists the state that an optimiser keeps for it. */
const companions = Symbol.for("weft.companions");

/** The boxes that belong to a box. */
function* belongings(box: Cell): Generator<State> {
  const list = (box as { [companions]?: Set<WeakRef<Readonly<Record<string, State>>>> })[companions] ?? [];
  for (const one of list) yield* Object.values(one.deref() ?? {});
}

/**
 * Moves a model to a backend, with the state that optimisers keep for its parameters, and returns the model. What has
 * not come to life yet does so there.
 *
 * @example
 * await place(model, await open());
 */
export async function place<Model>(model: Model, backend: Backend): Promise<Model> {
  const all = new Set(boxes(model).flatMap(({ box }): Cell[] => [box, ...belongings(box)]));
  for (const box of all) {
    if (!box.born) box.birth(backend);
    else if (box.backend !== backend) assign(box, await hostValues(box), backend);
  }
  return model;
}
