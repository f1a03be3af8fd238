// A language model that reads a text in several places at once, and goes on where it was.
import { state as box, type State } from "@weft/autograd";
import { reshape, squeeze, type Creation, type Tensor } from "@weft/tensor";
import { crossEntropy, type Embedding, type LSTM, type Linear } from "@weft/nn";

/** What a recurrent language model is made of. */
interface Parts {
  readonly embed: Embedding;
  readonly lstm: LSTM;
  readonly output: Linear;
}

export interface Reader {
  /** What it remembers, to be saved in the middle of a text. */
  readonly state: { readonly h: State; readonly c: State };
  /** Begins a new text. */
  reset(): void;
  /** The scores `[T · B, V]` of what comes after each character of x `[T, B]`. */
  read(x: Tensor): Tensor;
  /** The mean loss of a window `[1, T, B]` of a text, beside what comes after each character of it. */
  loss(x: Tensor, y: Tensor): Tensor;
  /** The scores `[1, V]` of what comes after the last of these: for `write`, with one place. */
  next(before: readonly number[]): Tensor;
}

/** A reader with a memory of shape `[layers, places, units]`. */
export function reader(
  { embed, lstm, output }: Parts,
  shape: readonly [number, number, number],
  { zeros, tensor }: Creation,
): Reader {
  const state = { h: box(zeros(shape)), c: box(zeros(shape)) };
  const read = (x: Tensor): Tensor => {
    const { y, h, c } = lstm.run(embed(x), state);
    [state.h.value, state.c.value] = [h, c];
    return output(reshape(y, [-1, shape[2]]));
  };
  return {
    state,
    reset: () => void ([state.h.value, state.c.value] = [zeros(shape), zeros(shape)]),
    read,
    loss: (x, y) => crossEntropy(read(squeeze(x, 0)), reshape(y, [-1])),
    next: (before) => read(tensor([[before.at(-1)!]], { dtype: "i32" })),
  };
}
