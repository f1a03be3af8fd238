// Sentiment: a gated recurrent unit (Cho et al. 2014) reads the last words of a review of a film, and its state at
// the end says whether the review is positive. It is the second network of the comparison of frameworks by
// I. Karmanov (2017).
import { squeeze, type Tensor } from "@weft/tensor";
import { Embedding, GRU, Linear, crossEntropy, perGate, xavier, zeros } from "@weft/nn";

/** Reads reviews as ids of words, `[N, T]`, shorter ones filled up in front. */
export function SentimentGRU(vocabulary: number, { features = 125, hidden = 100 } = {}) {
  const embed = Embedding(vocabulary, features, { init: xavier() });
  const init = perGate(3, xavier());
  const memory = GRU({ in: features, hidden, batchFirst: true, init, biasInit: zeros() });
  const output = Linear(hidden, 2, { init: xavier(), biasInit: zeros() });

  /** The logits of negative and positive after the last word, `[N, 2]`. */
  const logits = (x: Tensor) => output(squeeze(memory.run(embed(x)).h, 0));
  /** The same after each word, `[N, T, 2]`. */
  const logitsByWord = (x: Tensor) => output(memory(embed(x)));
  return { embed, memory, output, logits, logitsByWord };
}

/** The mean of −log p over reviews x; y `[N]` is 1 for a positive one, 0 for a negative one. */
export const sentimentLoss = ({ logits }: ReturnType<typeof SentimentGRU>, x: Tensor, y: Tensor): Tensor =>
  crossEntropy(logits(x), y);
