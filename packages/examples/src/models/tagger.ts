// A tagger, as in DyNet's benchmark: two LSTMs read a sentence, one from each end, and say of each word whether it
// belongs to a name. With `--chars` rare words are read letter by letter.
import { concat, squeeze, take, tanh, unbind, unsqueeze } from "@weft/tensor";
import type { Creation, Tensor } from "@weft/tensor";
import { Embedding, LSTM, Linear, crossEntropy, padSequence, uniform, xavier, zeros } from "@weft/nn";
import { adam, minimize } from "@weft/optim";
import {
  characters,
  shuffle,
  vocabulary,
  wikiner,
  type TaggedSentence,
  type TaggedText,
  type Vocabulary,
} from "@weft/data";
import { counting } from "../counting.ts";
import { guessing } from "../evaluation.ts";
import type { Learner, Program, Setting } from "../program.ts";
import { commonest, taggingAccuracy, tagsIn } from "../tagging.ts";
import { count, percent } from "../words.ts";
import { taggedSection } from "../report/tagged.ts";

const features = 128;
const ofVectors = (size: number) => ({ init: uniform(Math.sqrt(3 / size)) }); // Glorot, for a vector
const weights = { init: xavier(), bias: false };

/** A network that reads from both ends, with one bias a gate as in DyNet. */
function BothWays(inputs: number, hidden: number): LSTM {
  const start = { init: xavier(), biasInit: zeros(), forgetBias: 1, recurrentBias: false };
  return LSTM({ in: inputs, hidden, bidirectional: true, ...start });
}

export const tagger: Program = {
  title: "Tagger",
  about: "names in sentences of Wikipedia, with an LSTM that reads from both ends",
  time: "4 min; 10 min with --chars",
  reaches: "a word accuracy of 90 %, where 83.5 % have no tag",
  epochs: 3,
  quick: { epochs: 1, limit: 4000 },
  cases: "sentences",
  options: { chars: { about: "rare words are read letter by letter" } },
  start: async ({ backend, options, ...setting }) =>
    tagging(await wikiner(), backend, { ...setting, chars: options["chars"] === true }),
  answers(known, { backend, options }) {
    const tags = known("tags");
    const letters = options["chars"] === true ? known("letters") : undefined;
    const { model, scores } = network(known("words"), letters, tags.size, backend);
    return { model, answer: tagsIn(tags.tokens, guessing(scores)) };
  },
};

/** The network, and the scores that it gives the tags of words. With `letters` it reads rare words letter by letter. */
function network(known: Vocabulary, letters: Vocabulary | undefined, classes: number, { tensor }: Creation) {
  const model = {
    embed: Embedding(known.size, features, ofVectors(features)),
    lstm: BothWays(features, 50),
    hidden: Linear(100, 32, weights),
    output: Linear(32, classes, weights),
    ...(letters && { letters: Embedding(letters.size, 20, ofVectors(20)), spelling: BothWays(20, features / 2) }),
  };

  /** Words as vectors of their letters: what is known at their last one, from both ends. */
  function spelled(words: readonly string[]): Tensor {
    const spellings = words.map((word) => letters!.encode(["<*>", ...characters(word), "<*>"]));
    const x = model.letters!(padSequence(spellings.map((ids) => tensor(ids)))); // [letters, words, 20]
    const { h } = model.spelling!.run(x, { lengths: spellings.map(({ length }) => length) });
    return concat(unbind(h), { axis: 1 });
  }

  /** The vectors of words, `[words, features]`. */
  function vectors(words: readonly string[]): Tensor {
    const rare = letters ? words.filter((word) => !known.has(word)) : [];
    if (rare.length === 0) return model.embed(tensor(known.encode(words)));
    const common = words.filter((word) => known.has(word));
    const [next, nextRare] = [common.keys(), rare.keys()];
    const places = words.map((word) => (known.has(word) ? next.next().value! : common.length + nextRare.next().value!));
    return take(concat([model.embed(tensor(known.encode(common))), spelled(rare)]), tensor(Int32Array.from(places)));
  }

  /** The scores of the tags of all words, `[words, classes]`. */
  function scores(words: readonly string[]): Tensor {
    const y = model.lstm(unsqueeze(vectors(words), 1)); // a batch of one sentence: [words, 1, 100]
    return model.output(tanh(model.hidden(squeeze(y, 1))));
  }
  return { model, scores };
}

export function tagging(
  { classes, ...data }: TaggedText,
  backend: Creation,
  {
    seed,
    chars = false,
    limit = Infinity,
  }: Pick<Setting, "seed"> & { readonly chars?: boolean; readonly limit?: number },
) {
  const [train, validation] = [data.train.slice(0, limit), data.validation.slice(0, limit)];
  // Words that come more than 5 times are known by themselves; all others share one vector.
  const text = train.map(({ words }) => words);
  const known = vocabulary(text, { minCount: 6, unknown: "<unk>" });
  const letters = chars ? vocabulary(text.flat().map(characters), { specials: ["<*>"], unknown: "<unk>" }) : undefined;
  const { model, scores } = network(known, letters, classes.length, backend);
  const loss = ({ words, labels }: TaggedSentence) =>
    crossEntropy(scores(words), backend.tensor(labels), { reduction: "sum" });
  const guesses = guessing(scores);

  const [optimizer, sentences] = [adam(), shuffle(train, { seed })];
  const read = counting(sentences, ({ words }) => words.length);
  return {
    from: `${count(train.length)} sentences of wikiner`,
    model,
    vocabularies: { words: known, ...(letters && { letters }), tags: { tokens: classes } },
    state: { optimizer, sentences },
    epoch: () => minimize(loss, read, optimizer), // one sentence an update
    counted: { of: "words", soFar: () => read.soFar },
    of: `of the words in ${count(validation.length)} new sentences; ${percent(commonest(validation))} have the commonest tag`,
    evaluate: () => taggingAccuracy(validation, guesses),
    sections: async () => [await taggedSection(validation, classes, guesses)],
  } satisfies Learner;
}
