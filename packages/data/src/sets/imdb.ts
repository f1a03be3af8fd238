// IMDB: 50,000 reviews of films, as Keras ships them: lists of words by their rank, and whether the review is positive.
import { fromNpz } from "@weft/formats";
import { ArgumentError } from "@weft/tensor";
import { oneOf, orNull, positiveCount, readOptions, type OptionKind } from "@weft/tensor/internals";
import { DataError } from "../data-error.ts";
import { obtain } from "../files/download.ts";
import { loadOptions, type FileSource, type LoadOptions, type Publication } from "../files/files.ts";
import type { HostArray } from "../host-array.ts";
import { reading, textOf } from "./form.ts";
import type { Split } from "./labeled.ts";
import { numpyShuffles } from "./numpy-shuffle.ts";

const files = {
  reviews: {
    name: "imdb.npz",
    bytes: 17_464_789,
    sha256: "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
    unpackedAtMost: 32_000_000,
  },
  ranks: {
    name: "imdb_word_index.json",
    bytes: 1_641_221,
    sha256: "027313fe9a320280f3bf0fac5baf58c4a683cf39a7ed9c3d3d3912bde4284cf6",
  },
};
const published: Publication = {
  set: "imdb",
  mirrors: ["https://storage.googleapis.com/tensorflow/tf-keras-datasets/", "https://s3.amazonaws.com/text-datasets/"],
  terms: "no formal license; for research, not to be passed on",
  files: Object.values(files),
};

export interface ImdbOptions extends LoadOptions {
  /** Only ids below this are kept: the commonest words. Others become `oov` (default: all words). */
  readonly words?: number;
  /** Each review gets this many ids: its last ones, with `pad` where it is shorter (default: reviews as long as they are). */
  readonly length?: number;
  /** Where shorter reviews are padded: before their words, as in Keras and Knet, or after them (default: "pre"). */
  readonly padding?: "pre" | "post";
  /** What is added to the rank of a word, which counts from 1, to get its id (default: 3). */
  readonly offset?: number;
  /** The id that fills up shorter reviews (default: 0). */
  readonly pad?: number;
  /** The id that begins each review (default: 1), or null for none. */
  readonly start?: number | null;
  /** The id of words that are left out (default: 2), or null to skip them. */
  readonly oov?: number | null;
  /** The seed of the order, which is Keras's (default: 113); null leaves the positive reviews first. */
  readonly seed?: number | null;
}

/** Reviews and their labels. */
export interface Reviews<T> {
  readonly inputs: T;
  /** `[25000]`: 1 for a positive review, 0 for a negative one. */
  readonly labels: HostArray<Int32Array>;
}

export interface ReviewSet<T> extends Split<Reviews<T>> {
  /** The word of each id. */
  readonly vocabulary: readonly string[];
}

export interface Imdb {
  /**
   * IMDB: 25,000 reviews of films to train on and 25,000 to test on, half of them positive, as ids of their words; with
   * `length` an array `i32[25000, length]`, otherwise an `Int32Array` for each review. 19.1 MB are downloaded the first
   * time. The defaults are those of Keras's `load_data`, and so is the order. Knet's ids are
   * `{ words: 29998, length: 150, offset: 0, oov: 29998, start: 29999, pad: 30000 }`.
   *
   * Terms: no formal license; reviews of users of IMDb: cite the paper, not to be passed on.
   *
   * Source: A. L. Maas et al., "Learning word vectors for sentiment analysis", 2011, as in `keras.datasets.imdb`.
   *
   * @example
   * const { train, test, vocabulary } = await imdb({ words: 30_000, length: 150 });
   * const batches = minibatch(train, 64, { backend, shuffle: true, seed: 1 });
   */
  (options: ImdbOptions & { readonly length: number }): Promise<ReviewSet<HostArray<Int32Array>>>;
  /** Without `length`, each review is as long as it is: see the first form of the call. */
  (options?: ImdbOptions & { readonly length?: undefined }): Promise<ReviewSet<readonly Int32Array[]>>;
  /** With or without `length`: see the first form of the call. */
  (options?: ImdbOptions): Promise<ReviewSet<HostArray<Int32Array> | readonly Int32Array[]>>;
}

const integerBelow = (end: number, wanted: string): OptionKind<number> => ({
  wanted,
  is: (x): x is number => Number.isInteger(x) && Number(x) >= 0 && Number(x) < end,
});
const defaults = { padding: "pre", offset: 3, pad: 0, start: 1, oov: 2, seed: 113 } as const;

/** `imdb` on a source of files. */
export function imdbFrom(source: FileSource): Imdb {
  function load(given: ImdbOptions & { readonly length: number }): Promise<ReviewSet<HostArray<Int32Array>>>;
  function load(given?: ImdbOptions & { readonly length?: undefined }): Promise<ReviewSet<readonly Int32Array[]>>;
  function load(given?: ImdbOptions): Promise<ReviewSet<HostArray<Int32Array> | readonly Int32Array[]>>;
  async function load(given?: ImdbOptions): Promise<ReviewSet<HostArray<Int32Array> | readonly Int32Array[]>> {
    const id = integerBelow(2 ** 20, "an integer from 0 to 2^20 - 1");
    const kinds = {
      ...loadOptions,
      words: positiveCount,
      length: positiveCount,
      padding: oneOf("pre", "post"),
      offset: id,
      pad: id,
      start: orNull(id),
      oov: orNull(id),
      seed: orNull(integerBelow(2 ** 32, "an integer from 0 to 2^32 - 1")),
    };
    const { words, length, padding, offset, pad, start, oov, seed, ...options } = readOptions("imdb", given, kinds, defaults); // prettier-ignore
    const packed = await obtain(source, files.reviews, published, options);
    const json = await obtain(source, files.ranks, published, options);
    const byRank = reading("imdb", files.ranks.name, () => parseRanks(textOf(json)));
    const { train, test } = reading("imdb", files.reviews.name, () => parseReviews(packed, byRank.length));
    const ids: Ids = { offset, start, oov, end: Math.min(words ?? Infinity, byRank.length + offset + 1) };
    for (const [name, id] of Object.entries({ start, oov, ...(length !== undefined && { pad }) }))
      if (id !== null && id > offset && id < ids.end)
        throw new ArgumentError(
          `imdb: ${name} is ${id}, which is the id of a word: those are ${offset + 1} to ${ids.end - 1}.`,
        );
    const shuffle = seed === null ? undefined : numpyShuffles(seed);
    const part = ({ reviews, positive }: Raw) => {
      const order = shuffle?.(reviews.length) ?? positive.map((_, k) => k);
      const lists = Array.from(order, (k) => idsOf(reviews[k]!, ids));
      const labels: HostArray<Int32Array> = {
        data: order.map((k) => positive[k]!),
        shape: [order.length],
        dtype: "i32",
      };
      return { inputs: length === undefined ? lists : padded(lists, length, pad, padding), labels };
    };
    return { train: part(train), test: part(test), vocabulary: vocabularyOf(byRank, ids, pad) };
  }
  return load;
}

/** Reviews as ranks of their words. */
interface Raw {
  readonly reviews: readonly (readonly number[])[];
  readonly positive: Int32Array;
}

/** How ranks become ids; word ids are below `end`. */
interface Ids extends Pick<Required<ImdbOptions>, "offset" | "start" | "oov"> {
  readonly end: number;
}

/** The words, the commonest (rank 1) first. */
function parseRanks(text: string): readonly string[] {
  let ranks: unknown;
  try {
    ranks = JSON.parse(text);
  } catch (cause) {
    throw new DataError("expected JSON, found other text", { cause });
  }
  if (typeof ranks !== "object" || ranks === null || Array.isArray(ranks))
    throw new DataError("expected an object of words and their ranks, found other JSON");
  const entries = Object.entries(ranks);
  const words = new Array<string | undefined>(entries.length).fill(undefined);
  for (const [word, rank] of entries) {
    if (!Number.isInteger(rank) || rank < 1 || rank > entries.length || words[rank - 1] !== undefined)
      throw new DataError(
        `expected each rank from 1 to ${entries.length} once, found ${rank} for ${JSON.stringify(word)}`,
      );
    words[rank - 1] = word;
  }
  return words as string[];
}

function parseReviews(packed: Uint8Array, words: number): Split<Raw> {
  const arrays = fromNpz(packed, { objects: true, maxBytes: files.reviews.unpackedAtMost });
  const isReview = (x: unknown): x is readonly number[] =>
    Array.isArray(x) && x.every((rank) => Number.isInteger(rank) && rank >= 1 && rank <= words);
  const part = (name: "train" | "test"): Raw => {
    const [x, y] = [arrays.get(`x_${name}`), arrays.get(`y_${name}`)];
    if (x?.dtype !== "object" || y === undefined || !(y.data instanceof Int32Array))
      throw new DataError(
        `expected lists x_${name} and integers y_${name}, found ${[...arrays].map(([k, { dtype }]) => `${k} (${dtype})`).join(", ")}`,
      );
    const reviews = x.data.filter(isReview);
    if (reviews.length !== x.data.length)
      throw new DataError(
        `expected lists of ranks from 1 to ${words} in x_${name}, found another at ${x.data.findIndex((r) => !isReview(r))}`,
      );
    if (y.data.length !== reviews.length || !y.data.every((label) => label === 0 || label === 1))
      throw new DataError(`expected ${reviews.length} labels 0 or 1 in y_${name}, found ${y.data.length} or others`);
    return { reviews, positive: y.data };
  };
  return { train: part("train"), test: part("test") };
}

function idsOf(ranks: readonly number[], { offset, start, oov, end }: Ids): Int32Array {
  const ids = start === null ? [] : [start];
  for (const rank of ranks) {
    const id = rank + offset;
    if (id < end) ids.push(id);
    else if (oov !== null) ids.push(oov);
  }
  return Int32Array.from(ids);
}

function padded(
  lists: readonly Int32Array[],
  length: number,
  pad: number,
  padding: "pre" | "post",
): HostArray<Int32Array> {
  const data = new Int32Array(lists.length * length).fill(pad);
  for (const [k, ids] of lists.entries()) {
    const kept = ids.subarray(Math.max(0, ids.length - length));
    data.set(kept, k * length + (padding === "pre" ? length - kept.length : 0));
  }
  return { data, shape: [lists.length, length], dtype: "i32" };
}

function vocabularyOf(byRank: readonly string[], { offset, start, oov, end }: Ids, pad: number): readonly string[] {
  const size = Math.max(end, pad + 1, (start ?? 0) + 1, (oov ?? 0) + 1);
  const words = Array.from({ length: size }, (_, id) => (id < end ? byRank[id - offset - 1] : undefined) ?? "<unused>");
  words[pad] = "<pad>";
  if (start !== null) words[start] = "<start>";
  if (oov !== null) words[oov] = "<oov>";
  return words;
}
