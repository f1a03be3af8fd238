// A recurrent language model (Mikolov et al. 2010; Graves 2013): an LSTM reads a text, and says after each token, a character
// or a word, which one comes next.
import { reshape, type Tensor } from "@weft/tensor";
import { Embedding, LSTM, Linear, crossEntropy, layer } from "@weft/nn";
import type { CrossEntropyOptions, Initializer, LSTMOptions, RecurrentState } from "@weft/nn";

/** Sizes, and the initial values of its LSTM, of which `init` and `biasInit` are also those of the logits. */
export interface LanguageModelOptions extends Pick<
  LSTMOptions,
  "layers" | "init" | "biasInit" | "forgetBias" | "recurrentBias"
> {
  /** The width of the vector of a token. */
  readonly features: number;
  /** The width of the state. */
  readonly hidden: number;
  /** Initial values of the vectors. */
  readonly embedInit?: Initializer;
}

/**
 * From tokens `[T, B]`, and a state to go on from, to the logits `[T B, tokens]` of what comes after each of them, and the
 * state after the last ones.
 */
export function LanguageModel(tokens: number, { features, hidden, embedInit, ...rest }: LanguageModelOptions) {
  const { init, biasInit } = rest;
  const self = layer(
    "LanguageModel",
    (x: Tensor, state: RecurrentState = {}) => {
      const { y, h, c } = self.lstm.run(self.embed(x), state);
      return { logits: self.output(reshape(y, [-1, hidden])), state: { h, c } };
    },
    {
      embed: Embedding(tokens, features, { init: embedInit }),
      lstm: LSTM({ in: features, hidden, ...rest }),
      output: Linear(hidden, tokens, { init, biasInit }),
    },
  );
  return self;
}

/** The mean of −log p over the tokens y that come after each of x `[T, B]`, or their sum. */
export const languageModelLoss = (
  model: (x: Tensor) => { readonly logits: Tensor },
  x: Tensor,
  y: Tensor,
  options?: CrossEntropyOptions,
): Tensor => crossEntropy(model(x).logits, reshape(y, [-1]), options);
