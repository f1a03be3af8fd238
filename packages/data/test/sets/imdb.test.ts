// IMDB, from files of the same form made here: pickled lists in an .npz file, and words with their ranks.
import { describe, expect, test } from "vitest";
import { toNpy, toZip } from "@weft/formats";
import { ArgumentError } from "@weft/tensor";
import { DataError } from "@weft/data";
import type { ImdbOptions } from "../../src/sets/imdb.ts";
import { imdbFrom } from "../../src/sets/imdb.ts";
import { numpyShuffles } from "../../src/sets/numpy-shuffle.ts";
import { claiming, pickledLists, serving, utf8 } from "./serving.ts";

const members = {
  "x_test.npy": pickledLists([[3, 2, 1]]),
  "x_train.npy": pickledLists([[1, 2, 5], [4], [1, 2, 3, 4, 5]]),
  "y_train.npy": toNpy(BigInt64Array.of(1n, 1n, 0n)),
  "y_test.npy": toNpy(BigInt64Array.of(0n)),
};
const index = '{"film": 2, "the": 1, "bad": 5, "__proto__": 3, "caf\\u00e9": 4}';
const source = (changed: Record<string, Uint8Array> = {}, words = index) =>
  serving((name) => (name === "imdb.npz" ? toZip({ ...members, ...changed }, { compress: true }) : utf8(words)));

describe("imdb", () => {
  test("gives lists of ids in the order of the file or of a seed, and the word of each id", async () => {
    const { train, test: held, vocabulary } = await imdbFrom(source())({ seed: null });
    expect(train.inputs.map((ids) => [...ids])).toEqual([
      [1, 4, 5, 8],
      [1, 7],
      [1, 4, 5, 6, 7, 8],
    ]);
    expect(train.labels).toEqual({ data: Int32Array.of(1, 1, 0), shape: [3], dtype: "i32" });
    expect([[...held.inputs[0]!], [...held.labels.data]]).toEqual([[1, 6, 5, 4], [0]]);
    expect(vocabulary).toEqual(["<pad>", "<start>", "<oov>", "<unused>", "the", "film", "__proto__", "café", "bad"]);
    const order = [...numpyShuffles(113)(3)];
    const shuffled = (await imdbFrom(source())()).train;
    expect(shuffled.inputs.map(({ length }) => length)).toEqual(order.map((k) => [4, 2, 6][k]));
    expect([...shuffled.labels.data]).toEqual(order.map((k) => [1, 1, 0][k]));
  });

  test.each<[string, ImdbOptions, number[][], number]>([
    [
      "a number of words",
      { words: 7 },
      [
        [1, 4, 5, 2],
        [1, 2],
        [1, 4, 5, 6, 2, 2],
      ],
      7,
    ],
    ["others skipped", { words: 7, oov: null }, [[1, 4, 5], [1], [1, 4, 5, 6]], 7],
    ["no start", { start: null }, [[4, 5, 8], [7], [4, 5, 6, 7, 8]], 9],
    [
      "Knet's ids",
      { words: 4, offset: 0, oov: 4, start: 5, pad: 6 },
      [
        [5, 1, 2, 4],
        [5, 4],
        [5, 1, 2, 3, 4, 4],
      ],
      7,
    ],
  ])("takes options: %s", async (_, options, lists, words) => {
    const { train, vocabulary } = await imdbFrom(source())({ ...options, length: undefined, seed: null });
    expect(train.inputs.map((ids) => [...ids])).toEqual(lists);
    expect(vocabulary.length).toBe(words);
  });

  test("cuts to the last words, and fills up before them or after them", async () => {
    const { train } = await imdbFrom(source())({ length: 4, seed: null });
    expect(train.inputs).toEqual({
      data: Int32Array.of(1, 4, 5, 8, 0, 0, 1, 7, 5, 6, 7, 8),
      shape: [3, 4],
      dtype: "i32",
    });
    const after = (await imdbFrom(source())({ length: 4, padding: "post", pad: 3, seed: null })).train.inputs;
    expect([...after.data]).toEqual([1, 4, 5, 8, 1, 7, 3, 3, 5, 6, 7, 8]);
  });

  test("refuses a special id that is the id of a word, and options that are none", async () => {
    await expect(imdbFrom(source())({ offset: 0, length: undefined })).rejects.toThrow(
      new ArgumentError("imdb: start is 1, which is the id of a word: those are 1 to 5."),
    );
    await expect(imdbFrom(source())({ pad: 8, length: 3 })).rejects.toThrow(/pad is 8, which is the id of a word/);
    await expect(imdbFrom(source())({ pad: 1e9, length: 3 })).rejects.toThrow(
      "imdb: wanted an integer from 0 to 2^20 - 1 as pad, got number 1000000000",
    );
    await expect(imdbFrom(source())({ maxlen: 3 } as never)).rejects.toThrow(/there is no option "maxlen"/);
  });

  const system = pickledLists([[1]], () => "cos\nsystem\n(U\x02lstR");
  test.each([
    [
      "a pickle that asks for something else",
      { "x_test.npy": system },
      /^imdb: imdb\.npz: npz: "x_test": pickle: it asks for os\.system, which is not data; nothing in a file is executed/,
    ],
    [
      "a list that never ends",
      { "x_train.npy": members["x_train.npy"].subarray(0, -30) },
      /^imdb: imdb\.npz: npz: "x_train": pickle: /,
    ],
    ["words in place of ranks", { "x_test.npy": pickledLists([[1]], () => "](U\x02hieU\x01a") }, /^imdb: imdb\.npz: /],
    [
      "a rank beyond the words",
      { "x_test.npy": pickledLists([[6]]) },
      /expected lists of ranks from 1 to 5 in x_test, found another at 0\. It is not the published file/,
    ],
    [
      "a rank of 0",
      { "x_train.npy": pickledLists([[1], [2], [0]]) },
      /expected lists of ranks from 1 to 5 in x_train, found another at 2\./,
    ],
    ["another label", { "y_test.npy": toNpy(BigInt64Array.of(2n)) }, /expected 1 labels 0 or 1 in y_test/],
    [
      "too few labels",
      { "y_train.npy": toNpy(BigInt64Array.of(1n)) },
      /expected 3 labels 0 or 1 in y_train, found 1 or others/,
    ],
    [
      "numbers in place of lists",
      { "x_test.npy": toNpy(Int32Array.of(1)) },
      /expected lists x_test and integers y_test, found x_test \(i32\), x_train \(object\), y_train \(i32\), y_test \(i32\)/,
    ],
  ])("refuses %s", async (_, changed, message) => {
    const loading = imdbFrom(source(changed as Record<string, Uint8Array>))();
    await expect(loading).rejects.toThrow(message);
    await expect(loading).rejects.toBeInstanceOf(DataError);
  });

  test("refuses a zip bomb", async () => {
    const bomb = claiming(toZip({ "x_test.npy": new Uint8Array(100_000) }, { compress: true }), 4e9);
    await expect(imdbFrom(serving((name) => (name === "imdb.npz" ? bomb : utf8(index))))()).rejects.toThrow(
      /^imdb: imdb\.npz: zip: "x_test\.npy" claims 4000000000 bytes, \d+ compressed ones cannot hold them\./,
    );
  });

  test.each([
    ["no JSON", "{", "expected JSON, found other text"],
    ["a list", "[1]", "expected an object of words and their ranks, found other JSON"],
    ["a rank twice", '{"a": 1, "b": 1}', 'expected each rank from 1 to 2 once, found 1 for "b"'],
    ["a rank beyond", '{"a": 1, "b": 3}', 'expected each rank from 1 to 2 once, found 3 for "b"'],
    ["a rank that is none", '{"a": "1"}', 'expected each rank from 1 to 1 once, found 1 for "a"'],
  ])("refuses ranks: %s", async (_, words, problem) => {
    await expect(imdbFrom(source({}, words))()).rejects.toThrow(
      new DataError(
        `imdb: imdb_word_index.json: ${problem}. It is not the published file: delete it, and it is downloaded again.`,
      ),
    );
  });
});

// Of numpy.random.RandomState: seed 113, shuffle(arange(10)) twice; seed 2 ** 32 - 1, shuffle(arange(700)).
test("shuffles as NumPy does", () => {
  const shuffles = numpyShuffles(113);
  expect([...shuffles(10)]).toEqual([9, 3, 6, 1, 0, 7, 4, 8, 2, 5]);
  expect([...shuffles(10)]).toEqual([6, 9, 5, 0, 1, 4, 8, 3, 7, 2]);
  expect([...numpyShuffles(4_294_967_295)(700)].slice(0, 5)).toEqual([224, 305, 447, 532, 698]);
});
