// The language model over words of DyNet's benchmark: it reads sentences of newspapers. Sentences of like lengths share a
// batch; what is missing at their ends counts nothing.
import { maximum, reshape, slice, type Tensor } from "@weft/tensor";
import { uniform, xavier, zeros } from "@weft/nn";
import { adam, minimize } from "@weft/optim";
import { minibatch, ptb, ragged, shuffle, words, type WordText, type WordTexts } from "@weft/data";
import { evaluate, metrics, type Scalars } from "@weft/train";
import { counting } from "../training/counted-data.ts";
import { LanguageModel, languageModelLoss } from "../models/language-model.ts";
import { patient } from "../progress.ts";
import { program, type Learner, type Program, type Setting } from "../training/program.ts";
import { sentencesSection } from "../report/text.ts";
import { count } from "../format.ts";
import { byState, draw } from "../text/writing.ts";

const [features, hidden] = [128, 256];
const network = (words: number) =>
  LanguageModel(words, {
    features,
    hidden,
    embedInit: uniform(Math.sqrt(3 / features)), // Glorot, for a vector
    init: xavier(),
    biasInit: zeros(),
    forgetBias: 1,
    recurrentBias: false,
  });

/** What fills up shorter sentences in a batch: no word. */
const padding = -1;

export const rnnlm: Program = program({
  title: "Word language model",
  source: "PTB",
  about: "newspapers, word by word, with an LSTM of 256 units",
  time: "4 min",
  reaches: "5.3 nats a word, on the test set a perplexity of 197",
  epochs: 3,
  quick: { epochs: 1, limit: 3000 },
  cases: "sentences",
  options: {
    batch: { value: "sentences", about: "sentences in a batch", choices: ["64", "16", "4", "1"], default: "64" },
  },
  start: async ({ options: { batch = "64" }, ...setting }) =>
    learner(await ptb(), { ...setting, batchSize: Number(batch) }),
  answers(known, { backend }) {
    const { size, tokens, encode } = known("words");
    const model = network(size);
    const sentence = writer(model, tokens, backend);
    return { model, answer: (text) => sentence(1, encode(words(text, { lowerCase: true }))) };
  },
});

/** Draws a sentence word by word, after a beginning. */
const writer =
  (model: ReturnType<typeof network>, vocabulary: readonly string[], backend: Setting["backend"]) =>
  async (seed: number, begun: Iterable<number> = []): Promise<string> => {
    const end = vocabulary.indexOf("<eos>");
    const [, ...ids] = await draw(byState(model, [1, hidden], backend), [end, ...begun], {
      most: 40,
      end,
      seed: 100 * seed,
    });
    return ids
      .map((id) => vocabulary[id])
      .join(" ")
      .replace(/ ?<eos>$/, ".");
  };

export function learner(
  { vocabulary, ...texts }: WordTexts,
  { backend, seed, limit, epochs, batchSize }: Pick<Setting, "backend" | "seed" | "limit" | "epochs"> & { readonly batchSize: number }, // oxfmt-ignore
) {
  const model = network(vocabulary.length);
  const logits = (x: Tensor) => model(x).logits;
  const end = vocabulary.indexOf("<eos>"); // a sentence begins and ends with it
  /** The sum over all words: sentences have no words beyond their ends. */
  const loss = (x: Tensor, y: Tensor) => languageModelLoss(model, x, y, { reduction: "sum", ignoreIndex: padding });

  /** Batches of sentences, the longest first: what is read `[T, B]`, and what comes after each word of it `[T B]`. */
  const batchesOf = (sentences: readonly Int32Array[]) => {
    const sorted = sentences.toSorted((a, b) => b.length - a.length);
    const whole = ragged(
      sorted.map((ids) => Int32Array.of(end, ...ids)),
      { batchFirst: false, lengths: false, padding },
    );
    const transform = (ids: Tensor) =>
      [maximum(slice(ids, { ends: [-1] }), 0), reshape(slice(ids, { starts: [1] }), [-1])] as const;
    return minibatch(whole, batchSize, { backend, transform, partial: true });
  };
  const some = ({ sentences }: WordText) => sentences.slice(0, limit);
  const [train, validation, test] = [some(texts.train), some(texts.validation), some(texts.test)];
  const [optimizer, batches] = [adam(), shuffle(batchesOf(train), { seed })];
  const read = counting(batches, ([x]) => x.size);
  const measured = async (sentences: readonly Int32Array[]) => {
    const nllPerWord = metrics.crossEntropy({ ignoreIndex: padding });
    const perplexity = metrics.perplexity({ ignoreIndex: padding });
    return evaluate(logits, patient(batchesOf(sentences), "evaluation"), { metrics: { nllPerWord, perplexity } });
  };

  return {
    from: `${count(train.length)} sentences of ptb`,
    model,
    vocabularies: { words: { tokens: vocabulary, unknown: "<unk>" } },
    state: { optimizer, batches },
    epoch: () => minimize(loss, read, optimizer),
    counted: { of: "words", soFar: () => read.soFar },
    of: `nats a word, of ${count(validation.length)} new sentences`,
    async evaluate(epoch): Promise<Scalars> {
      const { nllPerWord, perplexity } = await measured(validation);
      if (epoch !== epochs) return { nllPerWord, perplexity };
      const found = await measured(test); // once, at the end
      return { nllPerWord, perplexity, testNllPerWord: found.nllPerWord, testPerplexity: found.perplexity };
    },
    metrics: {}, // nats a word are no loss beside those of the steps, which are sums over batches
    async sections() {
      const sentence = writer(model, vocabulary, backend);
      return [sentencesSection(await Promise.all(Array.from({ length: 12 }, (_, seed) => sentence(seed))))];
    },
  } satisfies Learner;
}
