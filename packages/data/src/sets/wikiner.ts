// WikiNER: English sentences of Wikipedia, each word with a tag that says whether it belongs to a name.
import { readOptions } from "@weft/tensor/internals";
import { loadOptions, type FileSource, type KnownFile, type LoadOptions, type Publication } from "../files/files.ts";
import { linesOf, obtainRead, textOf, wrongLine } from "./form.ts";

const files = {
  train: {
    name: "train.txt",
    bytes: 2_008_758,
    sha256: "16b42ac4ce1a32f3a67580f20106765645ea051cc47f0ab8e2ecdbddf114ca98",
  },
  validation: {
    name: "dev.txt",
    bytes: 314_804,
    sha256: "bbbf63da9cc22d347c1c1d72ef35b5fde2fa3ece9c2c048b16dc4285e763e553",
  },
};
const published: Publication = {
  set: "wikiner",
  mirrors: ["https://raw.githubusercontent.com/neubig/nn4nlp-code/master/data/tags/"],
  terms: "CC BY 4.0; the text is CC BY-SA",
  files: Object.values(files),
};

/** A sentence: its words, and the tag of each. */
export interface TaggedSentence {
  readonly words: readonly string[];
  readonly tags: readonly string[];
  /** `[words]`: the tags as places in `classes`. */
  readonly labels: Int32Array;
}

export interface TaggedText {
  readonly train: readonly TaggedSentence[];
  readonly validation: readonly TaggedSentence[];
  /** The tags, the commonest first. */
  readonly classes: readonly string[];
}

// oxfmt-ignore
const classes = ["O", "I-PER", "I-LOC", "I-MISC", "I-ORG", "B-MISC", "B-LOC", "B-PER", "B-ORG"];

export interface Wikiner {
  /**
   * WikiNER: 10,000 English sentences to train on and 1,696 to validate with, each word with a tag of a person, a place,
   * an organization, another name, or `O` for none (IOB1: `B-` only where one name follows another). 2.3 MB are downloaded
   * the first time. The sentences to train on are a small part of the set that published benchmarks used.
   *
   * Terms: CC BY 4.0; the text is Wikipedia's, CC BY-SA.
   *
   * Source: J. Nothman, N. Ringland, W. Radford, T. Murphy, J. R. Curran, "Learning multilingual named entity recognition
   * from Wikipedia", 2013.
   *
   * @example
   * const { train, validation, classes } = await wikiner();
   * const { words, tags, labels } = train[0];
   * classes[labels[0]] === tags[0]; // true
   */
  (options?: LoadOptions): Promise<TaggedText>;
}

/** `wikiner` on a source of files. */
export const wikinerFrom =
  (source: FileSource): Wikiner =>
  async (given) => {
    const options = readOptions("wikiner", given, loadOptions, {});
    const part = (file: KnownFile) =>
      obtainRead("wikiner", source, file, published, options, (bytes) => linesOf(textOf(bytes)).map(sentence));
    return { train: await part(files.train), validation: await part(files.validation), classes };
  };

/** Words with their tags, apart by blanks; a word may have the `|` that divides them. */
function sentence(line: string, at: number): TaggedSentence {
  const tokens = line.split(" ").map((token) => {
    const bar = token.lastIndexOf("|");
    return bar > 0 ? ([token.slice(0, bar), token.slice(bar + 1)] as const) : wrongLine(at, "word|TAG", token);
  });
  const tags = tokens.map(([, tag]) => tag);
  const labels = Int32Array.from(tags, (tag) => {
    const label = classes.indexOf(tag);
    return label >= 0 ? label : wrongLine(at, `a tag of ${classes.join(" ")}`, tag);
  });
  return { words: tokens.map(([word]) => word), tags, labels };
}
