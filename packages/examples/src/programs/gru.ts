// The sentiment of IMDB's reviews, each by its last 150 words.
import { reshape, scope, softmax, type Backend } from "@weft/tensor";
import { adam, minimize } from "@weft/optim";
import { imdb, minibatch, subset, words as wordsOf, type HostArray, type ReviewSet } from "@weft/data";
import { examination } from "../training/evaluation.ts";
import { SentimentGRU, sentimentLoss } from "../models/gru.ts";
import { program, type Learner, type Program } from "../training/program.ts";
import { reviewSections } from "../report/reviews.ts";
import { count, percent } from "../format.ts";

const [words, length] = [30_000, 150];
/** What fills up shorter reviews, begins each, and stands for words that are not known. */
const [pad, start, unknown] = ["<pad>", "<start>", "<oov>"];

export const gru: Program = program({
  title: "GRU",
  source: "IMDB",
  about: "whether a review of a film is positive, word by word",
  time: "50 s",
  reaches: "a test accuracy of 85.3 to 85.6%",
  epochs: 3,
  quick: { epochs: 1, limit: 10_000 },
  cases: "reviews",
  async start({ backend, seed, limit }) {
    // As in Keras and Knet, shorter reviews are filled up before their words, so the last step is their last word.
    const { train, test, vocabulary } = await imdb({ words, length });
    const some = { train: subset(train, { end: limit }), test: subset(test, { end: limit }), vocabulary };
    return learner(some, backend, seed);
  },
  answers(known, { backend }) {
    const { has, encode, size } = known("words");
    const model = SentimentGRU(size);
    return {
      model,
      /** Whether a review is positive. Its words are those of IMDB: in lower case, without punctuation. */
      async answer(text) {
        const found = wordsOf(text, { lowerCase: true }).filter((word) => /[\p{L}\p{N}]/u.test(word));
        const tokens = [start, ...found.map((word) => (has(word) ? word : unknown))].slice(-length);
        const filled = [...Array.from({ length: length - tokens.length }, () => pad), ...tokens];
        const x = () => reshape(backend.tensor(encode(filled)), [1, length]);
        const [, positive] = await scope(() => softmax(model.logits(x())).data());
        return positive! >= 0.5 ? `positive (${percent(positive!)})` : `negative (${percent(1 - positive!)})`;
      },
    };
  },
});

export function learner(reviews: ReviewSet<HostArray<Int32Array>>, backend: Backend, seed: number, batchSize = 64) {
  const { train, test, vocabulary } = reviews;
  const model = SentimentGRU(vocabulary.length);
  const exam = examination(model.logits, test, backend);
  const optimizer = adam({ lr: 0.001 });
  const batches = minibatch(train, Math.min(batchSize, train.labels.data.length), { backend, shuffle: true, seed });
  return {
    from: `${count(train.labels.data.length)} reviews`,
    model,
    vocabularies: { words: { tokens: vocabulary } },
    state: { optimizer, batches },
    epoch: () => minimize((x, y) => sentimentLoss(model, x, y), batches, optimizer),
    evaluate: async () => ({ testAccuracy: await exam.accuracy() }),
    metrics: { testAccuracy: "share" },
    of: `of ${count(test.labels.data.length)} new reviews judged right`,
    sections: async () => reviewSections(test, vocabulary, await exam.predictions(), model.logitsByWord, backend),
  } satisfies Learner;
}
