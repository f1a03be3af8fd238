// How well words are tagged: the share of right tags, and that of sentences without a wrong one.
import { all, argmax, cast, equal, onesLike, type Creation, type Tensor } from "@weft/tensor";
import { words, type TaggedSentence } from "@weft/data";
import { evaluate, metrics } from "@weft/train";
import { accuracyOfPart } from "../training/evaluation.ts";
import { patient } from "../progress.ts";

/** The guessed tags of words, as places in the list of tags. */
export type TagGuesses = (words: readonly string[]) => Promise<readonly number[]>;

/** Tags a text: a word that has a tag is followed by it, `Rome/I-LOC`. */
export const tagsIn = (classes: readonly string[], guesses: TagGuesses) => async (text: string) => {
  const found = words(text);
  const tags = (await guesses(found)).map((guess) => classes[guess]!);
  return found.map((word, at) => (tags[at] === "O" ? word : `${word}/${tags[at]}`)).join(" ");
};

/** The accuracy of tags, and the share of sentences in which all are right, by the logits `[words, classes]` of words. */
export async function taggingAccuracy(
  sentences: readonly TaggedSentence[],
  logits: (words: readonly string[]) => Tensor,
  { tensor }: Creation,
) {
  async function* cases() {
    for await (const { words, labels } of patient(sentences, "evaluation")) yield [words, tensor(labels)] as const;
  }
  const sentenceAccuracy = accuracyOfPart((y, labels) => {
    const right = cast(all(equal(argmax(y, { axis: 1 }), labels), { keepDims: true }), "i32");
    return [right, onesLike(right)];
  });
  const { loss: _, ...found } = await evaluate(logits, cases(), {
    metrics: { wordAccuracy: metrics.accuracy(), sentenceAccuracy },
  });
  return found;
}

/** The share of words that have the commonest tag: what a tagger reaches that always says this one. */
export function commonest(sentences: readonly { readonly labels: Int32Array }[]): number {
  const counts: number[] = [];
  for (const { labels } of sentences) for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  const known = counts.filter((n) => n > 0);
  return Math.max(...known) / known.reduce((a, b) => a + b);
}
