// How well words are tagged: the share of right tags, and that of sentences without a wrong one.
import { words, type TaggedSentence } from "@weft/data";
import { patient } from "../progress.ts";

/** The guessed tags of words, as places in the list of tags. */
export type TagGuesses = (words: readonly string[]) => Promise<readonly number[]>;

/** Tags a text: a word that has a tag is followed by it, `Rome/I-LOC`. */
export const tagsIn = (classes: readonly string[], guesses: TagGuesses) => async (text: string) => {
  const found = words(text);
  const tags = (await guesses(found)).map((guess) => classes[guess]!);
  return found.map((word, at) => (tags[at] === "O" ? word : `${word}/${tags[at]}`)).join(" ");
};

export async function taggingAccuracy(sentences: readonly TaggedSentence[], guesses: TagGuesses) {
  let [right, all, whole] = [0, 0, 0];
  for await (const sentence of patient(sentences, "evaluation")) {
    const guessed = await guesses(sentence.words);
    const found = sentence.labels.filter((label, at) => label === guessed[at]).length;
    right += found;
    all += guessed.length;
    if (found === guessed.length) whole++;
  }
  return { wordAccuracy: right / all, sentenceAccuracy: whole / sentences.length };
}

/** The share of words that have the commonest tag: what a tagger reaches that always says this one. */
export function commonest(sentences: readonly { readonly labels: Int32Array }[]): number {
  const counts: number[] = [];
  for (const { labels } of sentences) for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  const known = counts.filter((n) => n > 0);
  return Math.max(...known) / known.reduce((a, b) => a + b);
}
