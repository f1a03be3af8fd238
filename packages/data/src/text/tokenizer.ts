// Tokenizers of pretrained models, as their `tokenizer.json` describes them: byte pairs, word pieces, unigrams.
import { parseStrict } from "@weft/formats/internals";
import { ArgumentError } from "@weft/tensor";
import { boolean, describe, readOptions, readValue, shown, string } from "@weft/tensor/internals";
import { DataError } from "../data-error.ts";
import { reason } from "../files/files.ts";

export interface EncodeOptions {
  /** Whether the tokens that a model expects around a text, such as "[CLS]", are added (true). */
  readonly special?: boolean;
}
export interface DecodeOptions {
  /** Whether the text shows them (false). */
  readonly special?: boolean;
}

/** A tokenizer of a pretrained model. */
export interface Tokenizer {
  /** How many tokens it knows. */
  readonly size: number;
  /** The numbers of a text's tokens. */
  encode(text: string, options?: EncodeOptions): Int32Array;
  /** The tokens of a text, as its vocabulary writes them. */
  tokens(text: string, options?: EncodeOptions): string[];
  /** The text of tokens. Errors: ArgumentError for a number that no token has. */
  decode(numbers: Iterable<number>, options?: DecodeOptions): string;
}

const kinds = { special: boolean };

/**
 * The tokenizer that a `tokenizer.json` describes, as it comes with models on the Hugging Face Hub: byte-pair encoding,
 * WordPiece and Unigram, with their normalizers and special tokens. `config` is the text of its
 * `tokenizer_config.json`, if it is needed.
 *
 * It is for texts of some thousand characters: a corpus takes about 6 seconds per million.
 *
 * Errors: DataError if the file is not a tokenizer. Such a file is as good as a program: it contains regular expressions,
 * and with one made for that, a short text takes forever. Take it only from whom you trust.
 *
 * Source: `@huggingface/tokenizers`, which is loaded when this is called.
 *
 * @example
 * const bytePairs = await tokenizer(tokenizerJson);
 * bytePairs.tokens("low lower"); // ["low", "Ġlow", "er", "<end>"]
 * bytePairs.decode(bytePairs.encode("low lower")); // "low lower"
 */
export async function tokenizer(json: string, config = "{}"): Promise<Tokenizer> {
  const described = { added_tokens: [], ...parsed(json, "tokenizer.json") };
  const settings = parsed(config, "tokenizer_config.json");
  const size = sizeOf(described);
  const { Tokenizer: Made } = await import("@huggingface/tokenizers");
  let inner: InstanceType<typeof Made>;
  try {
    inner = new Made(described, settings);
    inner.encode("a"); // some of what is missing is only noticed here
  } catch (cause) {
    throw new DataError(`tokenizer: the tokenizer.json cannot be used: ${reason(cause)}.`, { cause });
  }
  return {
    size,
    encode(text, options) {
      const { special } = readOptions("encode", options, kinds, { special: true });
      const given = readValue("encode", "text", text, string);
      const ids: readonly (number | undefined)[] = inner.encode(given, { add_special_tokens: special }).ids;
      return Int32Array.from(ids, (id, i) => {
        if (id === undefined) throw new ArgumentError(`encode: token ${i} of the text has no number.`);
        return id;
      });
    },
    tokens(text, options) {
      const { special } = readOptions("tokens", options, kinds, { special: true });
      return inner.tokenize(readValue("tokens", "text", text, string), { add_special_tokens: special });
    },
    decode(numbers, options) {
      const { special } = readOptions("decode", options, kinds, { special: false });
      if (typeof (numbers as Iterable<number> | null | undefined)?.[Symbol.iterator] !== "function")
        throw new ArgumentError(`decode: wanted the numbers of tokens, got ${describe(numbers)}.`);
      const ids = Array.from(numbers);
      const wrong = ids.find((id) => inner.id_to_token(id) === undefined);
      if (wrong !== undefined) throw new ArgumentError(`decode: no token has the number ${shown(wrong)}.`);
      if (ids.length === 0) return "";
      return inner.decode(ids, { skip_special_tokens: !special, clean_up_tokenization_spaces: false });
    },
  };
}

/** Deeper than any description of a tokenizer is. */
const DEEPEST = 64;

/** What a text of JSON says. A name that is there twice is refused: one reader takes the first, another one the last. */
function parsed(text: string, file: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new DataError(`tokenizer: the ${file} is not JSON: ${reason(cause)}. Pass its text.`, { cause });
  }
  try {
    parseStrict(text, DEEPEST);
  } catch (cause) {
    throw new DataError(`tokenizer: the ${file} means different things to different readers: ${reason(cause)}.`, {
      cause,
    });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new DataError(`tokenizer: the ${file} has ${describe(value)}, wanted an object.`);
  return value;
}

/** The kinds of models that are known; old files do not name theirs. */
const models: readonly unknown[] = ["BPE", "WordPiece", "Unigram", undefined];

/** More tokens than any model has: lists are made as long as the largest number says. */
const MOST = 2 ** 24;

/** How many tokens there are; their numbers are checked. */
function sizeOf(described: { readonly added_tokens: unknown; readonly model?: unknown }): number {
  const { model, added_tokens: added } = described;
  const { vocab: vocabulary, type, merges } = (model ?? {}) as Readonly<Record<"vocab" | "type" | "merges", unknown>>;
  if (!models.includes(type))
    throw new DataError(`tokenizer: the model is ${describe(type)}, wanted BPE, WordPiece or Unigram.`);
  if (typeof vocabulary !== "object" || vocabulary === null || !Array.isArray(added))
    throw new DataError("tokenizer: the tokenizer.json has no model with a vocabulary, or no list of added tokens.");
  if (Array.isArray(vocabulary) && type !== "Unigram" && type !== undefined)
    throw new DataError(
      `tokenizer: the vocabulary of a ${type} model is a list, wanted an object of numbers by token.`,
    );
  if (type === "BPE" || merges !== undefined) checkMerges(merges);
  let size = Array.isArray(vocabulary) ? vocabulary.length : 0;
  const numbers: readonly unknown[] = Array.isArray(vocabulary) ? [] : Object.values(vocabulary);
  const known = new Set<unknown>();
  const addedOnes = added.map((token: { readonly id?: unknown } | null) => token?.id);
  for (const [i, number] of [...numbers, ...addedOnes].entries()) {
    if (i === numbers.length) known.clear(); // added tokens may be in the vocabulary, too
    if (known.has(number)) throw new DataError(`tokenizer: two tokens have the number ${describe(number)}.`);
    known.add(number);
    if (!(Number.isInteger(number) && (number as number) >= 0 && (number as number) < MOST))
      throw new DataError(
        `tokenizer: a token has the number ${describe(number)}, wanted a whole number below ${MOST}.`,
      );
    size = Math.max(size, (number as number) + 1);
  }
  return size;
}

/** Refuses merges that are not of two tokens each. */
function checkMerges(merges: unknown): void {
  if (!Array.isArray(merges))
    throw new DataError(`tokenizer: the merges of the model are ${describe(merges)}, wanted a list.`);
  for (const [i, merge] of merges.entries()) {
    const parts: unknown = typeof merge === "string" ? merge.split(" ") : merge;
    if (!Array.isArray(parts) || parts.length !== 2 || parts.some((part) => typeof part !== "string" || part === ""))
      throw new DataError(
        `tokenizer: merge ${i} of the model is ${describe(merge)}, wanted two tokens, "a b" or ["a", "b"].`,
      );
  }
}
