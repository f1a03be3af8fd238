// A recurrent language model that reads several rows of a text at once, and goes on where it was.
import { state as box, type State } from "@weft/autograd";
import { squeeze, type Creation, type Tensor } from "@weft/tensor";
import type { RecurrentState } from "@weft/nn";
import { languageModelLoss } from "../models/language-model.ts";

/** What `LanguageModel` makes. */
export type RecurrentModel = (
  x: Tensor,
  state: RecurrentState,
) => { readonly logits: Tensor; readonly state: { readonly h: Tensor; readonly c: Tensor } };

export interface Reader {
  /** The state, to be saved in the middle of a text. */
  readonly state: { readonly h: State; readonly c: State };
  /** Begins a new text. */
  reset(): void;
  /** The model, from the state on that it keeps: the logits `[T B, V]` of what comes after each token of x `[T, B]`. */
  read(x: Tensor): { readonly logits: Tensor };
  /** The mean loss of a window `[1, T, B]` of a text, beside what comes after each token of it. */
  loss(x: Tensor, y: Tensor): Tensor;
}

/** A reader whose state has the shape `[layers, rows, hidden]`. */
export function reader(model: RecurrentModel, shape: readonly [number, number, number], { zeros }: Creation): Reader {
  const state = { h: box(zeros(shape)), c: box(zeros(shape)) };
  const read = (x: Tensor) => {
    const y = model(x, state);
    [state.h.value, state.c.value] = [y.state.h, y.state.c];
    return y;
  };
  return {
    state,
    reset: () => void ([state.h.value, state.c.value] = [zeros(shape), zeros(shape)]),
    read,
    loss: (x, y) => languageModelLoss(read, squeeze(x, 0), y),
  };
}
