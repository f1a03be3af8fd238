// How well words are tagged: the share of right tags, and that of sentences without a wrong one.
import type { TaggedSentence } from "@weft/data";

/** The guessed tags of the words of a sentence, as places in the list of tags. */
export type TagGuesses = (sentence: TaggedSentence) => Promise<readonly number[]>;

export async function taggingAccuracy(sentences: readonly TaggedSentence[], guesses: TagGuesses) {
  let [right, words, whole] = [0, 0, 0];
  for (const sentence of sentences) {
    const guessed = await guesses(sentence);
    const found = sentence.labels.filter((label, at) => label === guessed[at]).length;
    right += found;
    words += guessed.length;
    if (found === guessed.length) whole++;
  }
  return { wordAccuracy: right / words, sentenceAccuracy: whole / sentences.length };
}

/** The share of words that have the commonest tag: what a tagger reaches that always says this one. */
export function commonest(sentences: readonly { readonly labels: Int32Array }[]): number {
  const counts: number[] = [];
  for (const { labels } of sentences) for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  const known = counts.filter((n) => n > 0);
  return Math.max(...known) / known.reduce((a, b) => a + b);
}
