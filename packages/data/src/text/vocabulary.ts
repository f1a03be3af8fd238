// Vocabularies: a number for each token of a text, the most frequent ones first.
import { byCodePoint } from "@weft/formats/internals";
import { ArgumentError } from "@weft/tensor";
import { describe, list, positiveCount, readOptions, string } from "@weft/tensor/internals";
import { DataError } from "../data-error.ts";

/** A vocabulary as data: what `JSON.stringify` writes of it, and `vocabularyFrom` reads. */
export interface VocabularyData {
  /** Token i. */
  readonly tokens: readonly string[];
  /** The token that stands for all others; without it they are errors. */
  readonly unknown?: string | undefined;
}

/** Tokens with a number each. */
export interface Vocabulary extends VocabularyData {
  /** How many tokens there are: the `vocabulary` of an embedding. */
  readonly size: number;
  /** The numbers of tokens. Errors: ArgumentError for a token that is not there, if there is no `unknown`. */
  encode(tokens: Iterable<string>): Int32Array;
  /** The tokens with these numbers. Errors: ArgumentError for a number that no token has. */
  decode(numbers: Iterable<number>): string[];
  /** Whether a token has a number of its own. */
  has(token: string): boolean;
  toJSON(): VocabularyData;
}

export interface VocabularyOptions {
  /** How often a token must come to be in it (1). */
  readonly minCount?: number;
  /** How many tokens it has at most, with `unknown` and the specials. */
  readonly max?: number;
  /** A token that stands for all that are not in it, such as "<unk>". */
  readonly unknown?: string;
  /** Tokens that come first, whether they are in the text or not, such as "<pad>", which is 0 then. */
  readonly specials?: readonly string[];
}

const kinds = { minCount: positiveCount, max: positiveCount, unknown: string, specials: list };

/**
 * The vocabulary of a text: a number for each token. First come `specials`, then `unknown`, then the tokens of the
 * text, the most frequent first and equally frequent ones in the order of their characters' codes.
 *
 * `tokens` are tokens or lists of tokens. A vocabulary is kept as JSON: `vocabularyFrom(JSON.parse(text))` is the same
 * again.
 *
 * @example
 * const text = ["the", "cat", "saw", "the", "dog"];
 * const known = vocabulary(text, { max: 4, specials: ["<pad>"], unknown: "<unk>" });
 * known.tokens; // ["<pad>", "<unk>", "the", "cat"]
 * [...known.encode(["the", "dog"])]; // [2, 1]
 * known.decode([3, 0]); // ["cat", "<pad>"]
 */
export function vocabulary(tokens: Iterable<string | Iterable<string>>, options?: VocabularyOptions): Vocabulary {
  const read = readOptions("vocabulary", options, kinds, { minCount: 1, specials: [] as readonly string[] });
  const { minCount, max = Infinity, unknown } = read;
  if (typeof (tokens as Iterable<unknown> | undefined)?.[Symbol.iterator] !== "function")
    throw new ArgumentError(`vocabulary: wanted tokens, got ${describe(tokens)}.`);
  const first = new Set<string>(read.specials);
  if (unknown !== undefined) first.add(unknown);
  if (first.size > max)
    throw new ArgumentError(`vocabulary: max is ${max}, but there are ${first.size} special tokens.`);
  const counts = new Map<string, number>();
  const count = (token: unknown): void => {
    if (typeof token !== "string")
      throw new ArgumentError(`vocabulary: wanted strings as tokens, got ${describe(token)}.`);
    counts.set(token, (counts.get(token) ?? 0) + 1);
  };
  for (const token of tokens)
    if (typeof token === "object" && token !== null) for (const part of token) count(part);
    else count(token);
  const found = [...counts].filter(([token, n]) => n >= minCount && !first.has(token));
  found.sort(([a, n], [b, m]) => m - n || byCodePoint(a, b));
  return made([...first, ...found.slice(0, max - first.size).map(([token]) => token)], unknown);
}

/**
 * The vocabulary that was saved: from what `JSON.parse` gives, or any list of tokens.
 *
 * Errors: DataError if it is not one.
 *
 * @example
 * const text = JSON.stringify(vocabulary("hello"));
 * vocabularyFrom(JSON.parse(text)).tokens; // ["l", "e", "h", "o"]
 */
export function vocabularyFrom(saved: VocabularyData): Vocabulary {
  const { tokens, unknown } = (saved ?? {}) as { readonly tokens?: unknown; readonly unknown?: unknown };
  if (!Array.isArray(tokens) || !tokens.every((token) => typeof token === "string"))
    throw new DataError(`vocabularyFrom: wanted { tokens, unknown? } with a list of strings, got ${describe(saved)}.`);
  if (new Set(tokens).size < tokens.length) {
    const twice = tokens.find((token, i) => tokens.indexOf(token) < i);
    throw new DataError(`vocabularyFrom: the token ${describe(twice)} is there twice.`);
  }
  if (unknown !== undefined && !(typeof unknown === "string" && tokens.includes(unknown)))
    throw new DataError(`vocabularyFrom: wanted one of the tokens as unknown, got ${describe(unknown)}.`);
  return made(tokens, unknown);
}

function made(given: readonly string[], unknown: string | undefined): Vocabulary {
  const tokens = [...given];
  const numbers = new Map(tokens.map((token, i) => [token, i]));
  const other = unknown === undefined ? undefined : numbers.get(unknown);
  return {
    tokens,
    unknown,
    size: tokens.length,
    encode: (text) =>
      Int32Array.from(text, (token) => {
        const number = numbers.get(token) ?? other;
        if (number === undefined)
          throw new ArgumentError(
            `encode: the vocabulary has no ${describe(token)}. Give it an unknown token: { unknown: "<unk>" }.`,
          );
        return number;
      }),
    decode: (text) =>
      Array.from(text, (number) => {
        const token = typeof number === "number" ? tokens[number] : undefined;
        if (token === undefined)
          throw new ArgumentError(`decode: no token has the number ${number}; there are ${tokens.length}, from 0.`);
        return token;
      }),
    has: (token) => numbers.has(token),
    toJSON: () => ({ tokens, unknown }),
  };
}
