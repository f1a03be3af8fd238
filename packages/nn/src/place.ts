// Moves a model between backends: parameters, running state, and the state that optimizers keep for its parameters.
import type { LazyValue } from "@weft/autograd";
import type { Backend } from "@weft/tensor";
import { backendKind, readValue } from "@weft/tensor/internals";
import { assignAllSurely, belongings, hostValues, type AnyBox } from "./parameter.ts";
import { boxes, partKind } from "./tree.ts";

/**
 * Moves a model to a backend, with the state that optimizers keep for its parameters, and returns the model. Parameters
 * that are not initialized yet are initialized there. If that fails (out of memory, say), everything stays where it
 * was.
 *
 * @example
 * await place(model, await open());
 */
export async function place<Model>(model: Model, backend: Backend): Promise<Model> {
  readValue("place", "the model", model, partKind);
  readValue("place", "the second argument", backend, backendKind);
  const all = [...new Set(boxes(model).flatMap(({ box }): AnyBox[] => [box, ...belongings(box)]))];
  const elsewhere = all.filter((box) => box.initialized && box.backend !== backend);
  const values = await Promise.all(elsewhere.map(async (box) => [box, await hostValues(box)] as const));
  const begun: (readonly [AnyBox, LazyValue])[] = [];
  try {
    for (const box of all) {
      const { lazyValue } = box;
      if (lazyValue === undefined) continue;
      box.initialize(backend);
      begun.push([box, lazyValue]);
    }
    await assignAllSurely(values, { backend });
  } catch (error) {
    for (const [box, lazyValue] of begun) if (box.backend === backend) box.reset(lazyValue);
    throw error;
  }
  return model;
}
