// Tagging without sentences, as in Knet's tutorial: the text is cut into blocks of 64 rows and 32 words, and three
// networks compete. One sees a word alone, one what came before it, too, and one also what comes after it.
import { relu, reshape, squeeze, unsqueeze, type Creation, type Tensor } from "@weft/tensor";
import { Chain, Embedding, Linear, RNN, crossEntropy, xavier, zeros } from "@weft/nn";
import { adam, minimize } from "@weft/optim";
import { minibatch, split, vocabulary, wikiner, type TaggedText, type Vocabulary } from "@weft/data";
import { evaluate, metrics } from "@weft/train";
import { blocksOf } from "../blocks.ts";
import { guessing } from "../evaluation.ts";
import type { Learner, Program, Setting } from "../program.ts";
import { taggedSection } from "../report/tagged.ts";
import { commonest, tagsIn } from "../tagging.ts";
import { count, percent } from "../words.ts";

const units = 128;
const start = { init: xavier(), biasInit: zeros() };

/** What becomes of the vectors of words `[T, B, units]`, and how many features that has. */
const kinds = {
  mlp: () => [Chain(Linear(units, units, start), relu), units] as const,
  rnn: () => [RNN({ type: "relu", in: units, hidden: units, ...start }), units] as const,
  birnn: () => [RNN({ type: "relu", in: units, hidden: units, bidirectional: true, ...start }), 2 * units] as const,
};
type Kind = keyof typeof kinds;
const kindOf = ({ kind }: Setting["options"]) => (kind ?? "birnn") as Kind;

export const pos: Program = {
  title: "Tagger of blocks",
  about: "the same names in blocks of text, with --kind mlp, rnn or birnn",
  time: "1 min",
  reaches: "fewer mistakes the more of the text a network sees",
  epochs: 10,
  quick: { epochs: 2 },
  cases: "sentences",
  options: { kind: { value: "name", about: "which network (birnn)", choices: Object.keys(kinds) } },
  async start({ limit, options, ...setting }) {
    const { train, ...others } = await wikiner();
    return taggingBlocks({ train: train.slice(0, limit), ...others }, { ...setting, kind: kindOf(options) });
  },
  answers(known, { backend, options }) {
    const [words, tags] = [known("words"), known("tags")];
    const model = network(kindOf(options), words.size, tags.size);
    return { model, answer: tagsIn(tags.tokens, guessesOf(model, words, backend)) };
  },
};

/** From words `[T, B]` to scores of their tags, `[T B, classes]`. */
function network(kind: Kind, words: number, classes: number) {
  const [body, features] = kinds[kind]();
  return Chain(
    Embedding(words, units, { init: xavier() }),
    body,
    Linear(features, classes, start),
    (y: Tensor) => reshape(y, [-1, classes]), // a row for each word
  );
}

/** Tags the words of a sentence, as a block of one row. */
const guessesOf = (model: ReturnType<typeof network>, known: Vocabulary, { tensor }: Creation) =>
  guessing((words: readonly string[]) => model(unsqueeze(tensor(known.encode(words)), 1)));

export function taggingBlocks(
  { train, validation, classes }: TaggedText,
  { backend, seed, kind }: Pick<Setting, "backend" | "seed"> & { readonly kind: Kind },
  [rows, steps] = [64, 32],
) {
  const text = train.flatMap(({ words }) => words);
  const known = vocabulary(text, { unknown: "<unk>" });
  const words = blocksOf(known.encode(text), rows, steps).x; // [blocks, steps, rows]
  const tags = blocksOf(Int32Array.from(train.flatMap(({ labels }) => [...labels])), rows, steps).x;
  const parts = split({ words, tags }, { learned: 0.92, tested: 0.08 }, { seed });
  const transform = ([x, y]: readonly Tensor[]) => [squeeze(x!, 0), reshape(y!, [-1])] as const;
  const learned = minibatch(parts.learned, 1, { backend, transform, shuffle: true, seed });
  const tested = minibatch(parts.tested, 1, { backend, transform });

  const model = network(kind, known.size, classes.length);
  const optimizer = adam();
  return {
    from: `${count(learned.length)} blocks of wikiner`,
    model,
    vocabularies: { words: known, tags: { tokens: classes } },
    state: { optimizer, learned },
    epoch: () => minimize((x, y) => crossEntropy(model(x), y), learned, optimizer),
    of: `of the words in ${tested.length} other blocks; ${percent(commonest([{ labels: parts.tested.tags.data }]))} have the commonest tag`,
    async evaluate() {
      const asked = { loss: crossEntropy, metrics: { accuracy: metrics.accuracy() } };
      const { accuracy, loss } = await evaluate(model, tested, asked);
      return { wordAccuracy: accuracy, testLoss: loss };
    },
    sections: async () => [await taggedSection(validation, classes, guessesOf(model, known, backend))],
  } satisfies Learner;
}
