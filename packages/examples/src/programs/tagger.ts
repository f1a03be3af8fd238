// The tagger of DyNet's benchmark: names in sentences of Wikipedia. With `--chars` rare words are read letter by letter.
import { crossEntropy, padSequence } from "@weft/nn";
import { adam, minimize } from "@weft/optim";
import { characters, shuffle, vocabulary, wikiner } from "@weft/data";
import type { TaggedSentence, TaggedText, Vocabulary } from "@weft/data";
import type { Creation } from "@weft/tensor";
import { counting } from "../training/counted-data.ts";
import { guessing } from "../training/evaluation.ts";
import { Tagger } from "../models/tagger.ts";
import { program, type Learner, type Program, type Setting } from "../training/program.ts";
import { commonest, taggingAccuracy, tagsIn } from "../text/tagging.ts";
import { count, percent } from "../format.ts";
import { taggedSection } from "../report/tagged.ts";

export const tagger: Program = program({
  title: "Tagger",
  source: "WikiNER",
  about: "names in sentences of Wikipedia, with an LSTM that reads from both ends",
  time: "35 s; 3 min with --chars",
  reaches: "a word accuracy of 89.8%, with --chars of 92.3%, where 83.5% have no tag",
  epochs: 2, // after the third it is less: chosen on the development set
  quick: { epochs: 1, limit: 4000 },
  cases: "sentences",
  options: { chars: { about: "rare words are read letter by letter" } },
  start: async ({ options: { chars }, ...setting }) => learner(await wikiner(), { ...setting, chars }),
  answers(known, { backend, options: { chars } }) {
    const tags = known("tags");
    const { model, logits } = network(known("words"), chars && known("letters"), tags.size, backend);
    return { model, answer: tagsIn(tags.tokens, guessing(logits)) };
  },
});

/** The model, and the logits `[words, classes]` that it gives the tags of words. */
function network(known: Vocabulary, letters: Vocabulary | undefined, classes: number, { tensor }: Creation) {
  const model = Tagger(known.size, classes, letters?.size);
  function logits(words: readonly string[]) {
    const ids = tensor(known.encode(words));
    const rare = letters === undefined ? [] : [...words.keys()].filter((at) => !known.has(words[at]!));
    if (rare.length === 0) return model(ids);
    const spellings = rare.map((at) => letters!.encode(["<*>", ...characters(words[at]!), "<*>"]));
    return model(ids, {
      at: tensor(Int32Array.from(rare)),
      letters: padSequence(spellings.map((spelling) => tensor(spelling))),
      lengths: spellings.map(({ length }) => length),
    });
  }
  return { model, logits };
}

export function learner(
  { classes, ...data }: TaggedText,
  { backend, seed, limit, chars = false }: Pick<Setting, "backend" | "seed" | "limit"> & { readonly chars?: boolean | undefined }, // oxfmt-ignore
) {
  const [train, validation] = [data.train.slice(0, limit), data.validation.slice(0, limit)];
  // Words that come more than 5 times are known by themselves; all others share one vector.
  const text = train.map(({ words }) => words);
  const known = vocabulary(text, { minCount: 6, unknown: "<unk>" });
  const letters = chars ? vocabulary(text.flat().map(characters), { specials: ["<*>"], unknown: "<unk>" }) : undefined;
  const { model, logits } = network(known, letters, classes.length, backend);
  const loss = ({ words, labels }: TaggedSentence) =>
    crossEntropy(logits(words), backend.tensor(labels), { reduction: "sum" });
  const guesses = guessing(logits);

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
    evaluate: () => taggingAccuracy(validation, logits, backend),
    metrics: { wordAccuracy: "share", sentenceAccuracy: "share" },
    sections: async () => [await taggedSection(validation, classes, guesses)],
  } satisfies Learner;
}
