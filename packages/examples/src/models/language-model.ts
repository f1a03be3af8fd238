// A recurrent language model (Mikolov et al. 2010; Graves 2013): an LSTM reads a text, and says after each token, a character
// or a word, which one comes next.
import { reshape, type Tensor } from "@weft/tensor";
import { Embedding, LSTM, Linear, crossEntropy, layer } from "@weft/nn";
import type { CrossEntropyOptions, Initializer, LSTMOptions, RecurrentState } from "@weft/nn";

/** Sizes, and the initial values of its LSTM, of which `init` and `biasInit` are also those of the scores. */
export interface LanguageModelOptions extends Pick<
  LSTMOptions,
  "layers" | "init" | "biasInit" | "forgetBias" | "recurrentBias"
> {
  /** How many features the vector of a token has. */
  readonly embed: number;
  readonly units: number;
  /** Initial values of the vectors. */
  readonly embedInit?: Initializer;
}

/**
 * From tokens `[T, B]`, and a state to go on from, to the scores `[T B, tokens]` of what comes after each of them, and the
 * state after the last ones.
 */
export function LanguageModel(tokens: number, { embed, units, embedInit, ...rest }: LanguageModelOptions) {
  const { init, biasInit } = rest;
  const self = layer(
    "LanguageModel",
    (x: Tensor, state: RecurrentState = {}) => {
      const { y, h, c } = self.lstm.run(self.embed(x), state);
      return { scores: self.output(reshape(y, [-1, units])), state: { h, c } };
    },
    {
      embed: Embedding(tokens, embed, { init: embedInit }),
      lstm: LSTM({ in: embed, hidden: units, ...rest }),
      output: Linear(units, tokens, { init, biasInit }),
    },
  );
  return self;
}

/**
 * The mean of −log p over the tokens y that come after each of x `[T, B]`, or their sum. `read` gives the scores: the model
 * from no state on, or what keeps its state and goes on from it.
 */
export const languageModelLoss = (
  read: (x: Tensor) => Tensor,
  x: Tensor,
  y: Tensor,
  options?: CrossEntropyOptions,
): Tensor => crossEntropy(read(x), reshape(y, [-1]), options);
