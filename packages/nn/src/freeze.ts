// Frozen parts of a model: their parameters stay as they are while the others learn.
import type { Param } from "@weft/autograd";
import { readValue } from "@weft/tensor/internals";
import { boxes, listed, partKind, type ParamFilter } from "./tree.ts";

/** Sets every box of a model to frozen or not. */
function setFrozen<Model>(op: string, model: Model, frozen: boolean): Model {
  readValue(op, "the model", model, partKind);
  for (const { box } of boxes(model)) box.frozen = frozen;
  return model;
}

/**
 * Freezes a model, or a part of one, and returns it. Its parameters are constants wherever they are used: a tape does
 * not have them, nothing is computed for their gradients, and optimizers leave them alone. Normalizations in it use
 * their running moments and keep them, whatever the training mode, as in Keras; dropout in it drops while training. Values
 * may still be assigned, loaded and averaged. A frozen layer passes gradients on to its input. Files do not say what is
 * frozen.
 *
 * @example
 * const model = Chain(freeze(Linear(8, 4)), relu, Linear(4, 2));
 * diff(() => sum(model(x))).params.length; // 2
 */
export const freeze = <Model>(model: Model): Model => setFrozen("freeze", model, true);

/**
 * Lets a model, or a part of one, learn again, and returns it (see `freeze`). Gradients are those of values that are
 * computed from then on.
 *
 * @example
 * const model = freeze(Chain(Linear(8, 4), relu, Linear(4, 2)));
 * unfreeze(model[2]);
 * trainable(model).length; // 2
 */
export const unfreeze = <Model>(model: Model): Model => setFrozen("unfreeze", model, false);

/**
 * The parameters of a model that are not frozen; with a filter, those of them that it accepts (see `params`).
 *
 * @example
 * const model = Chain(freeze(Linear(8, 4)), relu, Linear(4, 2));
 * trainable(model).length; // 2
 * trainable(model, (p, path) => path.endsWith("weight")).length; // 1
 */
export const trainable = (model: unknown, filter?: ParamFilter): Param[] => listed("trainable", model, filter, true);
