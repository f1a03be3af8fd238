// Sentiment: a gated recurrent unit (Cho et al. 2014) reads the last 150 words of a review of a film, and what it
// remembers at the end says whether the review is positive. It is the second network of the comparison of frameworks by
// I. Karmanov (2017).
import { squeeze, type Backend, type Tensor } from "@weft/tensor";
import { Embedding, GRU, Linear, crossEntropy, perGate, xavier, zeros } from "@weft/nn";
import { adam, minimize } from "@weft/optim";
import { imdb, minibatch, subset, type HostArray, type ReviewSet } from "@weft/data";
import { examination } from "../evaluation.ts";
import type { Learner, Program } from "../program.ts";
import { reviewSections } from "../report/reviews.ts";
import { count } from "../words.ts";

const [words, length, features, units] = [30_000, 150, 125, 100];

export const gru: Program = {
  title: "GRU",
  about: "whether a review of a film is positive, word by word",
  time: "6 min",
  reaches: "a test accuracy of 84 to 86 %",
  epochs: 3,
  quick: { epochs: 1, limit: 10_000 },
  cases: "reviews",
  async start({ backend, seed, limit }) {
    // As in Keras and Knet, shorter reviews are filled up before their words, so the last step is their last word.
    const { train, test, vocabulary } = await imdb({ words, length });
    const [some, others] = [train, test].map((part) => subset(part, { end: limit })) as [typeof train, typeof test];
    return judging({ train: some, test: others, vocabulary }, backend, seed);
  },
};

/** The program at work on reviews. */
export function judging(reviews: ReviewSet<HostArray<Int32Array>>, backend: Backend, seed: number, size = 64) {
  const { train, test, vocabulary } = reviews;
  const embed = Embedding(vocabulary.length, features, { init: xavier() });
  const init = perGate(3, xavier());
  const memory = GRU({ in: features, hidden: units, batchFirst: true, init, biasInit: zeros() });
  const output = Linear(units, 2, { init: xavier(), biasInit: zeros() });

  /** The scores of negative and positive after the last word, `[N, 2]`. */
  const scores = (x: Tensor) => output(squeeze(memory.run(embed(x)).h, 0));
  /** The same after each word, `[N, T, 2]`. */
  const scoresByWord = (x: Tensor) => output(memory(embed(x)));

  const exam = examination(scores, test, backend);
  const optimizer = adam({ lr: 0.001 });
  const batches = minibatch(train, size, { backend, shuffle: true, seed });
  return {
    from: `${count(train.labels.data.length)} reviews`,
    model: { embed, memory, output },
    vocabularies: { words: { tokens: vocabulary } },
    state: { optimizer, batches },
    epoch: () => minimize((x, y) => crossEntropy(scores(x), y), batches, optimizer),
    evaluate: async () => ({ testAccuracy: await exam.accuracy() }),
    of: `of ${count(test.labels.data.length)} new reviews judged right`,
    sections: () => reviewSections(test, vocabulary, exam.answers, scoresByWord, backend),
  } satisfies Learner;
}
