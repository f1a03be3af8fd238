// What the numbers of a model stand for: characters, words, tags. A saved model is of no use without them, so they stand in
// the metadata of its files.
import { ArgumentError } from "@weft/tensor";
import { DataError, vocabularyFrom, type Vocabulary, type VocabularyData } from "@weft/data";
import type { Metadata } from "@weft/nn";

/** By name: `characters`, `words`, `tags`. */
export type Vocabularies = Readonly<Record<string, VocabularyData>>;

/** As metadata of a file. */
export const asMetadata = (all: Vocabularies | undefined): Metadata =>
  all === undefined ? {} : { vocabularies: JSON.stringify(all) };

/** Those in the metadata of a file; undefined if it has none. */
export function vocabulariesIn(metadata: Metadata, file: string): Readonly<Record<string, Vocabulary>> | undefined {
  const { vocabularies } = metadata;
  if (vocabularies === undefined) return undefined;
  try {
    const all = JSON.parse(String(vocabularies)) as Vocabularies;
    const found = Object.entries(all).map(([name, data]) => [name, vocabularyFrom(data)] as const);
    const empty = found.find(([, { size }]) => size === 0)?.[0];
    if (empty !== undefined) throw new DataError(`there are no ${empty}`);
    return Object.fromEntries(found);
  } catch (cause) {
    throw new DataError(`${file}: its vocabularies cannot be read. It was changed after it was saved.`, { cause });
  }
}

/** Refuses a text with a character that a model does not know. */
export function refuseUnknown(text: string, known: readonly string[]): void {
  const strange = Array.from(text).find((character) => !known.includes(character));
  if (strange === undefined) return;
  throw new ArgumentError(`the model does not know ${JSON.stringify(strange)}: it reads ${known.join("")}`);
}

/** Refuses to go on with other data than that which the file of a training is of. */
export function refuseOtherVocabularies(now: Vocabularies, metadata: Metadata, file: string): void {
  const before = vocabulariesIn(metadata, file);
  for (const [name, { tokens }] of Object.entries(now)) {
    const known = before?.[name]?.tokens ?? tokens;
    const at = Array.from({ length: Math.max(known.length, tokens.length) }).findIndex(
      (_, i) => known[i] !== tokens[i],
    );
    if (at < 0) continue;
    const [one, other] = [known, tokens].map((all) => `${JSON.stringify(all[at]) ?? "none"} of ${all.length}`);
    throw new DataError(
      `${file} is of other data: number ${at} of its ${name} is ${one}, and of the data here ${other}. ` +
        "Go on with the data that it began with, or begin another training with --out <folder>.",
    );
  }
}
