// Tokens, vocabularies and tokenizers of pretrained models.
import { describe, expect, test } from "vitest";
import { ArgumentError } from "@weft/tensor";
import { DataError, characters, minibatch, ragged, tokenizer, vocabulary, vocabularyFrom, words } from "@weft/data";
import { bytePairs } from "./byte-pairs.ts";

describe("tokens", () => {
  test("characters are code points", () => {
    expect(characters("a\u0301ñ👍\n")).toEqual(["a", "\u0301", "ñ", "👍", "\n"]);
    expect(characters("")).toEqual([]);
    expect(() => characters(7 as never)).toThrow(ArgumentError);
  });

  test.each([
    ["Don't stop — l’été, O'Neill's!", ["Don't", "stop", "—", "l’été", ",", "O'Neill's", "!"]],
    ["It's 3.14 or 1,000,000.", ["It's", "3.14", "or", "1,000,000", "."]],
    ["'quoted' a-b x_1 e.g. 5'", ["'", "quoted", "'", "a", "-", "b", "x", "_", "1", "e", ".", "g", ".", "5", "'"]],
    ["cafe\u0301 नमस्ते 你好 👍", ["cafe\u0301", "नमस्ते", "你好", "👍"]],
    ["  \n\t", []],
  ])("words of %o", (text, wanted) => expect(words(text)).toEqual(wanted));

  test("in small letters, and a long text in time", () => {
    expect(words("THE ÉTÉ", { lowerCase: true })).toEqual(["the", "été"]);
    const start = performance.now();
    expect(words("a'".repeat(100_000)).length).toBe(2);
    expect(words("1".repeat(200_000)).length).toBe(1);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe("vocabulary", () => {
  const text = words("the cat and the dog and the bird");

  test("has the most frequent tokens first, then by their characters", () => {
    expect(vocabulary(text).tokens).toEqual(["the", "and", "bird", "cat", "dog"]);
    expect(vocabulary("👍Ａa").tokens).toEqual(["a", "Ａ", "👍"]); // by code points, not by their halves
    expect(vocabulary(text, { minCount: 2 }).tokens).toEqual(["the", "and"]);
    expect(vocabulary([text, ["dog", "dog"]], { max: 4, unknown: "?", specials: ["<pad>"] }).tokens).toEqual([
      "<pad>",
      "?",
      "dog",
      "the",
    ]);
    expect(vocabulary(text, { specials: ["and", "?"], unknown: "?" }).tokens.slice(0, 3)).toEqual(["and", "?", "the"]);
  });

  test("encodes and decodes, and pads batches with its first token", () => {
    const known = vocabulary(text, { specials: ["<pad>"], unknown: "<unk>" });
    expect(known.encode(["dog", "fox", "the"])).toEqual(Int32Array.of(6, 1, 2));
    expect(known.decode([6, 0, 2])).toEqual(["dog", "<pad>", "the"]);
    expect([known.size, known.has("dog"), known.has("fox")]).toEqual([7, true, false]);
    const lines = ["the cat", "dog"].map((line) => known.encode(words(line)));
    const [batch] = minibatch(ragged(lines), 2);
    expect(batch!.map(({ data }) => data)).toEqual([Int32Array.of(2, 5, 6, 0), Int32Array.of(2, 1)]);
  });

  test("names of every object's fields are tokens like others", () => {
    const known = vocabulary(["__proto__", "constructor", "constructor"]);
    expect(known.tokens).toEqual(["constructor", "__proto__"]);
    expect(known.has("toString")).toBe(false);
    expect(known.encode(["__proto__"])).toEqual(Int32Array.of(1));
  });

  test("is saved as JSON", () => {
    const known = vocabulary(text, { unknown: "<unk>" });
    const again = vocabularyFrom(JSON.parse(JSON.stringify(known)));
    expect([again.tokens, again.encode(["the", "x"])]).toEqual([known.tokens, Int32Array.of(1, 0)]);
  });

  test("refuses tokens that it does not have, and data that is no vocabulary", () => {
    expect(() => vocabulary("ab").encode(["c"])).toThrow(
      new ArgumentError('encode: the vocabulary has no "c". Give it an unknown token: { unknown: "<unk>" }.'),
    );
    for (const wrong of [2, -1, 0.5, NaN, "length"])
      expect(() => vocabulary("ab").decode([wrong as number])).toThrow(
        new ArgumentError(`decode: no token has the number ${wrong}; there are 2, from 0.`),
      );
    expect(() => vocabulary([1] as never)).toThrow(ArgumentError);
    expect(() => vocabulary(undefined as never)).toThrow(ArgumentError);
    expect(() => vocabulary("ab", { max: 1, specials: ["x", "y"] })).toThrow(
      new ArgumentError("vocabulary: max is 1, but there are 2 special tokens."),
    );
    for (const wrong of [null, {}, [], { tokens: ["a", 1] }, { tokens: ["a", "a"] }, { tokens: ["a"], unknown: "b" }])
      expect(() => vocabularyFrom(wrong as never)).toThrow(DataError);
    expect(() => vocabularyFrom({ tokens: ["a", "b", "b"] })).toThrow(
      new DataError('vocabularyFrom: the token "b" is there twice.'),
    );
  });
});

describe("tokenizer", () => {
  test("merges byte pairs as its file says", async () => {
    const pairs = await tokenizer(bytePairs());
    expect(pairs.tokens("low lower")).toEqual(["low", "Ġlow", "er", "<end>"]);
    expect(pairs.encode("low lower")).toEqual(Int32Array.of(9, 11, 10, 12));
    expect(pairs.encode("low lower", { special: false })).toEqual(Int32Array.of(9, 11, 10));
    expect(pairs.decode([9, 11, 10, 12])).toBe("low lower");
    expect(pairs.decode([9, 12], { special: true })).toBe("low<end>");
    expect([pairs.decode(pairs.encode("lé")), pairs.decode([])]).toEqual(["lé", ""]);
    expect([pairs.encode("é", { special: false }), pairs.size]).toEqual([Int32Array.of(6, 7), 13]);
    expect(() => pairs.decode([13])).toThrow(new ArgumentError("decode: no token has the number 13."));
    expect(() => pairs.encode(7 as never)).toThrow(ArgumentError);
  });

  test("of word pieces", async () => {
    const pieces = await tokenizer(
      bytePairs({
        normalizer: {
          type: "BertNormalizer",
          clean_text: true,
          handle_chinese_chars: true,
          strip_accents: null,
          lowercase: true,
        },
        pre_tokenizer: { type: "BertPreTokenizer" },
        decoder: { type: "WordPiece", prefix: "##", cleanup: true },
        post_processor: null,
        added_tokens: [],
        model: {
          type: "WordPiece",
          unk_token: "[UNK]",
          continuing_subword_prefix: "##",
          max_input_chars_per_word: 100,
          vocab: { "[UNK]": 0, low: 1, "##er": 2, "##est": 3 },
        },
      }),
    );
    expect(pieces.encode("Lower LOWEST new")).toEqual(Int32Array.of(1, 2, 1, 3, 0));
    expect(pieces.decode([1, 2, 1])).toBe("lower low");
  });

  test.each([
    ["no JSON", "<html>"],
    ["a truncated file", bytePairs().slice(0, 400)],
    ["a list", "[]"],
    ["no model", bytePairs({ model: null })],
    ["no vocabulary", bytePairs({ model: { type: "BPE", merges: [] } })],
    ["an unknown kind of model", bytePairs({ model: { type: "Oracle", vocab: {} } })],
    ["no merges", bytePairs({ model: { type: "BPE", vocab: { a: 0 } } })],
    ["a number that would need a long list", bytePairs({ added_tokens: [{ id: 4e9, content: "x" }] })],
    ["a negative number", bytePairs({ model: { type: "BPE", merges: [], vocab: { a: -1 } } })],
    [
      "a pattern that is none",
      bytePairs({ pre_tokenizer: { type: "Split", pattern: { Regex: "(" }, behavior: "Isolated", invert: false } }),
    ],
    ["two tokens of one number", bytePairs({ model: { type: "BPE", merges: [], vocab: { a: 0, b: 0 } } })],
    [
      "two added tokens of one number",
      bytePairs({
        added_tokens: [
          { id: 12, content: "x" },
          { id: 12, content: "y" },
        ],
      }),
    ],
    ["a list of byte pairs", bytePairs({ model: { type: "BPE", merges: [], vocab: ["a", "b"] } })],
    ["added tokens that are none", bytePairs({ added_tokens: [null] })],
  ])("refuses %s", async (_, json) => {
    await expect(tokenizer(json)).rejects.toThrow(DataError);
  });

  test.each([
    ["number 5", [5]],
    ['"a"', ["a"]],
    ['"a b c"', ["l o", "a b c"]],
    ['" a"', [" a"]],
    ['["a"]', [["a"]]],
    ['["a", 1]', [["a", 1]]],
    ["null", [null]],
  ])("refuses a merge that is %s", async (given, merges) => {
    const model = { type: "BPE", vocab: { a: 0 }, merges };
    await expect(tokenizer(bytePairs({ model }))).rejects.toThrow(
      new DataError(
        `tokenizer: merge ${merges.length - 1} of the model is ${given}, wanted two tokens, "a b" or ["a", "b"].`,
      ),
    );
    await expect(tokenizer(bytePairs({ model: { ...model, type: undefined } }))).rejects.toThrow("tokenizer: merge");
  });

  test("takes merges as pairs", async () => {
    const { model } = JSON.parse(bytePairs()) as { model: { merges: string[] } };
    const merges = model.merges.map((merge) => merge.split(" "));
    const pairs = await tokenizer(bytePairs({ model: { ...model, merges } }));
    expect(pairs.tokens("low lower")).toEqual(["low", "Ġlow", "er", "<end>"]);
  });

  test("refuses a name that is there twice", async () => {
    const twice = bytePairs().replace("{", '{"model":{"type":"BPE","vocab":{},"merges":[]},');
    await expect(tokenizer(twice)).rejects.toThrow(
      'tokenizer: the tokenizer.json means different things to different readers: duplicate name "model" at character',
    );
    await expect(tokenizer(bytePairs(), '{"a":1,"a":2}')).rejects.toThrow(
      'tokenizer: the tokenizer_config.json means different things to different readers: duplicate name "a" at',
    );
  });

  test("decodes numbers only", async () => {
    const pairs = await tokenizer(bytePairs());
    for (const wrong of [null, undefined, 5, {}])
      expect(() => pairs.decode(wrong as never)).toThrow("decode: wanted the numbers of tokens, got");
    for (const wrong of [[null], [{}], [99], ["a"]])
      expect(() => pairs.decode(wrong as never)).toThrow("decode: no token has the number");
  });
});
