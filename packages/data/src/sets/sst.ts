// The Stanford Sentiment Treebank: sentences as trees, with a label at every node.
import { fromZip } from "@weft/formats";
import { readOptions } from "@weft/tensor/internals";
import { DataError } from "../data-error.ts";
import { loadOptions, type FileSource, type LoadOptions, type Publication } from "../files/files.ts";
import { linesOf, obtainRead, textOf, wrongLine } from "./form.ts";
import type { ThreeWaySplit } from "./labeled.ts";
import { parseTree, type Tree } from "./tree.ts";

const archive = {
  name: "trainDevTestTrees_PTB.zip",
  bytes: 789_539,
  sha256: "5c613a4f673fc74097d523a2c83f38e0cc462984d847b82c7aaf36b01cbbbfcc",
  unpackedAtMost: 16_000_000,
};
const published: Publication = {
  set: "sst",
  mirrors: ["https://nlp.stanford.edu/sentiment/"],
  terms: "no formal license; for research, not to be passed on",
};

export interface Treebank extends ThreeWaySplit<readonly Tree<number>[]> {
  /** The name of each label. */
  readonly classes: readonly string[];
  /** The words of the trees to train on, in the order in which they come. */
  readonly vocabulary: readonly string[];
}

const classes = ["very negative", "negative", "neutral", "positive", "very positive"];

export interface Sst {
  /**
   * The Stanford Sentiment Treebank: 8,544 sentences of film reviews as trees to train on, 1,101 to validate with and
   * 2,210 to test on. Every node has a label from 0, very negative, to 4, very positive; every inner node has two
   * children. Brackets in words are `-LRB-` and `-RRB-`. 0.8 MB are downloaded the first time.
   *
   * Terms: no formal license; research data, text from Rotten Tomatoes: cite the paper, not to be passed on.
   *
   * Source: R. Socher et al., "Recursive deep models for semantic compositionality over a sentiment treebank", 2013.
   *
   * @example
   * const { train, classes } = await sst();
   * const { label, children } = train[0];
   * classes[label]; // "positive"
   */
  (options?: LoadOptions): Promise<Treebank>;
}

/** `sst` on a source of files. */
export const sstFrom =
  (source: FileSource): Sst =>
  async (given) => {
    const options = readOptions("sst", given, loadOptions, {});
    return await obtainRead("sst", source, archive, published, options, (bytes) => {
      const files = fromZip(bytes, { maxBytes: archive.unpackedAtMost });
      const part = (name: string): readonly Tree<number>[] => {
        const file = files.get(name);
        if (file === undefined) throw new DataError(`expected ${name} in the archive, found no such file`);
        return linesOf(textOf(file.bytes())).map(sentence);
      };
      const train = part("trees/train.txt");
      return {
        train,
        validation: part("trees/dev.txt"),
        test: part("trees/test.txt"),
        classes,
        vocabulary: [...new Set(train.flatMap(wordsOf))],
      };
    });
  };

const sentence = (line: string, at: number): Tree<number> => {
  const label = (text: string): number => (/^[0-4]$/.test(text) ? Number(text) : wrongLine(at, "labels 0 to 4", text));
  const check = ({ children }: Tree<number>): void => {
    if (children.length !== 0 && children.length !== 2) wrongLine(at, "two children of each inner node", line);
    children.forEach(check);
  };
  const tree = parseTree(line, { label });
  check(tree);
  return tree;
};

/** The words of a tree, in order. */
const wordsOf = ({ word, children }: Tree<number>): readonly string[] =>
  word === undefined ? children.flatMap(wordsOf) : [word];
