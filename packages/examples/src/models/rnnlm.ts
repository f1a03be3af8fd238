// A language model over words, as in DyNet's benchmark: an LSTM reads sentences of newspapers, and says after each word
// which one comes next. Sentences of like lengths share a batch; what is missing at their ends counts nothing.
import { reshape, slice, type Creation, type Tensor } from "@weft/tensor";
import { Embedding, LSTM, Linear, crossEntropy, uniform, xavier, zeros } from "@weft/nn";
import { adam, minimize } from "@weft/optim";
import { minibatch, ptb, ragged, shuffle, words, type WordTexts } from "@weft/data";
import { evaluate, metrics } from "@weft/train";
import { counting } from "../counting.ts";
import type { Learner, Program, Setting } from "../program.ts";
import { count } from "../words.ts";
import { sentencesSection } from "../report/text.ts";
import { draw } from "../writing.ts";

const [features, units] = [128, 256] as const;

/** What stands in a batch where a sentence is over: no word. */
const over = -1;

export const rnnlm: Program = {
  title: "Word language model",
  about: "newspapers, word by word, with an LSTM of 256 units",
  time: "25 min",
  reaches: "less than 5.5 nats a word",
  epochs: 3,
  quick: { epochs: 1, limit: 3000 },
  cases: "sentences",
  options: { batch: { value: "sentences", about: "sentences in a batch", choices: ["64", "16", "4", "1"] } },
  async start({ limit, options, ...setting }) {
    const texts = await ptb();
    return predicting(texts, { ...setting, limit, size: Number(options["batch"] ?? 64) });
  },
  answers(known, { backend }) {
    const { size, tokens, encode } = known("words");
    const { model, scores } = network(size);
    const sentence = writer(scores, tokens, backend);
    return { model, answer: (text) => sentence(1, encode(words(text, { lowerCase: true }))) };
  },
};

function network(words: number) {
  const start = { init: xavier(), biasInit: zeros() };
  const model = {
    embed: Embedding(words, features, { init: uniform(Math.sqrt(3 / features)) }), // Glorot, for a vector
    lstm: LSTM({ in: features, hidden: units, ...start, forgetBias: 1, recurrentBias: false }),
    output: Linear(units, words, start),
  };
  /** The scores `[T B, V]` of what comes after each word of x `[T, B]`. */
  const scores = (x: Tensor) => model.output(reshape(model.lstm(model.embed(x)), [-1, units]));
  return { model, scores };
}

/** Draws a sentence word by word, after a beginning. */
const writer =
  (scores: (x: Tensor) => Tensor, vocabulary: readonly string[], { tensor }: Creation) =>
  async (seed: number, begun: Iterable<number> = []): Promise<string> => {
    const end = vocabulary.indexOf("<eos>");
    const next = (ids: readonly number[]) => {
      const x = tensor(Int32Array.from(ids), { shape: [ids.length, 1] });
      return slice(scores(x), { starts: [ids.length - 1] });
    };
    const [, ...ids] = await draw(next, [end, ...begun], { most: 40, end, seed: 100 * seed });
    return ids
      .map((id) => vocabulary[id])
      .join(" ")
      .replace(/ ?<eos>$/, ".");
  };

export function predicting(
  { train, validation, vocabulary }: Omit<WordTexts, "test">,
  { backend, seed, limit, size }: Pick<Setting, "backend" | "seed" | "limit"> & { readonly size: number },
) {
  const { model, scores } = network(vocabulary.length);
  const end = vocabulary.indexOf("<eos>"); // a sentence begins and ends with it
  /** The sum over all words: sentences have no words beyond their ends. */
  const loss = (x: Tensor, y: Tensor) => crossEntropy(scores(x), y, { reduction: "sum", ignoreIndex: over });

  /** Batches of sentences, the longest first: what is read `[T, B]`, and what comes after each word of it `[T B]`. */
  const batchesOf = (sentences: readonly Int32Array[]) => {
    const sorted = [...sentences].sort((a, b) => b.length - a.length);
    const form = { batchFirst: false, lengths: false } as const;
    const read = ragged(
      sorted.map((ids) => Int32Array.of(end, ...ids.subarray(0, -1))),
      { ...form, padding: end },
    );
    const next = ragged(sorted, { ...form, padding: over });
    const transform = ([x, y]: readonly Tensor[]) => [x!, reshape(y!, [-1])] as const;
    return minibatch([read, next], size, { backend, transform, partial: true });
  };
  const known = train.sentences.slice(0, limit);
  const fresh = validation.sentences.slice(0, limit);
  const [optimizer, batches] = [adam(), shuffle(batchesOf(known), { seed })];
  const read = counting(batches, ([x]) => x.size);

  return {
    from: `${count(known.length)} sentences of ptb`,
    model,
    vocabularies: { words: { tokens: vocabulary, unknown: "<unk>" } },
    state: { optimizer, batches },
    epoch: () => minimize(loss, read, optimizer),
    counted: { of: "words", soFar: () => read.soFar },
    of: `nats a word, of ${count(fresh.length)} new sentences`,
    async evaluate() {
      const asked = { metrics: { perplexity: metrics.perplexity({ ignoreIndex: over }) } };
      const { perplexity } = await evaluate(scores, batchesOf(fresh), asked);
      return { nllPerWord: Math.log(perplexity), perplexity };
    },
    async sections() {
      const sentence = writer(scores, vocabulary, backend);
      return [sentencesSection(await Promise.all(Array.from({ length: 12 }, (_, seed) => sentence(seed))))];
    },
  } satisfies Learner;
}
