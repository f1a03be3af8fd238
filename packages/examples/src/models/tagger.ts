// A tagger (Huang, Xu and Yu 2015): two LSTMs read a sentence, one from each end, and say of each word which tag it has. Rare
// words may be read letter by letter, by a pair of smaller ones (Ling et al. 2015).
import { concat, indexCopy, squeeze, tanh, unbind, unsqueeze, type Tensor } from "@weft/tensor";
import { Embedding, LSTM, Linear, layer, uniform, xavier, zeros } from "@weft/nn";

const features = 128;
const weights = { init: xavier(), bias: false };

/** Vectors with Glorot's range of values. */
const Vectors = (count: number, size: number) => Embedding(count, size, { init: uniform(Math.sqrt(3 / size)) });

/** An LSTM that reads from both ends, with one bias a gate, that of the forget gate 1 at first. */
function BiLSTM(inputs: number, hidden: number): LSTM {
  const start = { init: xavier(), biasInit: zeros(), forgetBias: 1, recurrentBias: false };
  return LSTM({ in: inputs, hidden, bidirectional: true, ...start });
}

/** Words as their letters. */
export interface Spelled {
  /** Which words of the sentence they are, `[R]`. */
  readonly at: Tensor;
  /** `[longest, R]`. */
  readonly letters: Tensor;
  readonly lengths: readonly number[];
}

/** From the words of a sentence `[T]`, some of which may be spelled, to the logits of their tags, `[T, classes]`. Its loss is `crossEntropy`. */
export function Tagger(words: number, classes: number, letters?: number) {
  const self = layer(
    "Tagger",
    (sentence: Tensor, rare?: Spelled) => {
      const known = self.embed(sentence);
      const x = rare === undefined ? known : indexCopy(known, rare.at, spelled(rare));
      const y = self.lstm(unsqueeze(x, 1)); // a batch of one sentence: [T, 1, 100]
      return self.output(tanh(self.hidden(squeeze(y, 1))));
    },
    {
      embed: Vectors(words, features),
      lstm: BiLSTM(features, 50),
      hidden: Linear(100, 32, weights),
      output: Linear(32, classes, weights),
      ...(letters !== undefined && { letters: Vectors(letters, 20), spelling: BiLSTM(20, features / 2) }),
    },
  );
  /** Words as vectors `[R, features]` of their letters: what is known at their last one, from both ends. */
  function spelled({ letters, lengths }: Spelled): Tensor {
    const { h } = self.spelling!.run(self.letters!(letters), { lengths });
    return concat(unbind(h), { axis: 1 });
  }
  return self;
}
