// Sequence to sequence (Sutskever, Vinyals and Le 2014), as in Knet's tutorial: one LSTM reads a sequence, and from its
// last state another one writes the answer.
import { reshape, slice, type Tensor } from "@weft/tensor";
import { Embedding, LSTM, Linear, crossEntropy, parameter, xavier, type Lengths } from "@weft/nn";

/** The state of an LSTM after N sequences, `[1, N, hidden]`. */
export type Seq2SeqState = { readonly h: Tensor; readonly c: Tensor };

/** An encoder and a decoder of sequences `[T, N]`, with a learned state that the encoder begins with. */
export function Seq2Seq(tokens: number, hidden = 128) {
  const init = xavier(); // of all, also of biases, of which there are two a gate, as in PyTorch; the tutorial has one
  const part = () => ({
    embed: Embedding(tokens, hidden, { init }),
    lstm: LSTM({ in: hidden, hidden, init, biasInit: init }),
  });
  const start = { h: parameter([1, hidden], init), c: parameter([1, hidden], init) };
  const encoder = part();
  const decoder = { ...part(), output: Linear(hidden, tokens, { init, bias: false }) };
  return {
    start,
    encoder,
    decoder,
    /** The state after sequences x, of which `lengths` says how much each has before its padding. */
    encode(x: Tensor, lengths?: Lengths): Seq2SeqState {
      const { h, c } = encoder.lstm.run(encoder.embed(x), { ...start, lengths });
      return { h, c };
    },
    /** The logits `[T, N, tokens]` of what comes after each token of y, and the state then. */
    decode(y: Tensor, before: Seq2SeqState): { readonly logits: Tensor; readonly state: Seq2SeqState } {
      const { y: outputs, ...state } = decoder.lstm.run(decoder.embed(y), before);
      return { logits: decoder.output(outputs), state };
    },
  };
}

/** For sequences of several lengths: those of x, and the token that pads y and counts for nothing. */
interface PaddedOptions {
  readonly lengths?: Lengths;
  readonly ignoreIndex?: number;
}

/** The mean of −log p over the answers y `[1 + T, N]` to x, without their first token, which only begins them. */
export function seq2seqLoss(
  { encode, decode }: ReturnType<typeof Seq2Seq>,
  x: Tensor,
  y: Tensor,
  { lengths, ...options }: PaddedOptions = {},
): Tensor {
  const { logits } = decode(slice(y, { ends: [-1] }), encode(x, lengths));
  const next = reshape(slice(y, { starts: [1] }), [-1]);
  return crossEntropy(reshape(logits, [-1, logits.shape[2]!]), next, options);
}
