// Sequence to sequence (Sutskever, Vinyals and Le 2014), as in Knet's tutorial: one LSTM reads a sequence, and from what it
// remembers another one writes its answer.
import { reshape, type Tensor } from "@weft/tensor";
import { Embedding, LSTM, Linear, crossEntropy, parameter, xavier, type Lengths } from "@weft/nn";

/** What is remembered of N sequences, `[1, N, units]`. */
export type Memory = { readonly h: Tensor; readonly c: Tensor };

/** An encoder and a decoder of sequences `[T, N]`, with a learned memory that reading begins with. */
export function Seq2Seq(tokens: number, units = 128) {
  const init = xavier(); // of all, also of biases, of which there are two a gate, as in PyTorch; the tutorial has one
  const part = () => ({
    embed: Embedding(tokens, units, { init }),
    lstm: LSTM({ in: units, hidden: units, init, biasInit: init }),
  });
  const start = { h: parameter([1, units], init), c: parameter([1, units], init) };
  const encoder = part();
  const decoder = { ...part(), output: Linear(units, tokens, { init, bias: false }) };
  return {
    start,
    encoder,
    decoder,
    /** What is remembered of sequences. */
    encode(x: Tensor, lengths?: Lengths): Memory {
      const { h, c } = encoder.lstm.run(encoder.embed(x), { ...start, lengths });
      return { h, c };
    },
    /** The scores `[T, N, tokens]` of what comes after each of y, and what is remembered then. */
    decode(y: Tensor, before: Memory): { readonly scores: Tensor; readonly memory: Memory } {
      const { y: found, ...memory } = decoder.lstm.run(decoder.embed(y), before);
      return { scores: decoder.output(found), memory };
    },
  };
}

/** The mean of −log p over the tokens of the answers y `[T, N]`, before each of which the decoder has read one of `last`. */
export function seq2seqLoss({ encode, decode }: ReturnType<typeof Seq2Seq>, x: Tensor, last: Tensor, y: Tensor) {
  const { scores } = decode(last, encode(x));
  return crossEntropy(reshape(scores, [-1, scores.shape[2]!]), reshape(y, [-1]));
}
