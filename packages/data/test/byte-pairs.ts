// A tokenizer.json of byte pairs, as small as one can be: the merges of "low" and "er", and a token that ends texts.

/** The text of the file, with some of it changed. */
export const bytePairs = (changes: object = {}): string => {
  // Bytes that are no printable characters have one of their own: a blank is Ġ.
  const tokens = ["l", "o", "w", "e", "r", "Ġ", "Ã", "©", "lo", "low", "er", "Ġlow"];
  return JSON.stringify({
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [
      {
        id: tokens.length,
        content: "<end>",
        special: true,
        normalized: false,
        lstrip: false,
        rstrip: false,
        single_word: false,
      },
    ],
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: {
      type: "TemplateProcessing",
      single: [{ Sequence: { id: "A", type_id: 0 } }, { SpecialToken: { id: "<end>", type_id: 0 } }],
      pair: [],
      special_tokens: { "<end>": { id: "<end>", ids: [tokens.length], tokens: ["<end>"] } },
    },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      vocab: Object.fromEntries(tokens.map((token, i) => [token, i])),
      merges: ["l o", "lo w", "e r", "Ġ low"],
    },
    ...changes,
  });
};
