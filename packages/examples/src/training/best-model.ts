// The best that a model was while it learned: a copy of it, for trainings that go on after that.
import { clone, copyInto } from "@weft/nn";

export interface Best<Model extends object> {
  /** The model as it was where its loss was lowest. */
  readonly model: Model;
  /** Where the training stands, to be saved with it. */
  readonly state: { loss: number };
  /**
   * Compares the model as it is. In the middle of an epoch it is kept only if there is nothing better to show yet: a
   * training that is interrupted there ends with the same model as one that is not.
   */
  offer(loss: number, epochIsOver: boolean): void;
}

export function bestOf<Model extends object>(learning: Model): Best<Model> {
  const model = clone(learning);
  const state = { loss: Infinity };
  return {
    model,
    state,
    offer(loss, epochIsOver) {
      if (epochIsOver ? loss >= state.loss : state.loss < Infinity) return;
      copyInto(learning, model);
      if (epochIsOver) state.loss = loss;
    },
  };
}
