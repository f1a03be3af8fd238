// What PyTorch's side of the programs reads: the data as Weft's side has them, and the order in which it takes them.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { started } from "@weft/examples/internals";
import {
  DataError,
  cifar10,
  gutenberg,
  housing,
  imdb,
  minibatch,
  mnist,
  ptb,
  shuffle,
  sst,
  wikiner,
  type HostArray,
  type Pictures,
  type Tree,
} from "@weft/data";
import type { ProgramName } from "./programs.ts";

/** The seed of `started`. */
const seed = 1;

/** The indices of a first pass through shuffled batches. */
const orderOf = (items: number, size: number): Int32Array => {
  const places = { data: Int32Array.from({ length: items }, (_, i) => i), shape: [items], dtype: "i32" } as const;
  return Int32Array.from([...minibatch(places, size, { shuffle: true, seed })].flatMap(({ data }) => Array.from(data)));
};

/** A tree as PyTorch's side reads it. */
type Nested = [label: number, word: string] | [label: number, left: Nested, right: Nested];
const nested = ({ label, word, children }: Tree<number>): Nested =>
  word === undefined ? [label, nested(children[0]!), nested(children[1]!)] : [label, word];

/** The tokens of a program's vocabulary. */
async function tokensOf(row: ProgramName, name: string): Promise<readonly string[] | undefined> {
  const { vocabularies } = await started(row, "cpu", 1);
  return vocabularies?.[name]?.tokens;
}

/** Writes what these rows need into a folder: `inputs.json`, and arrays in files of their own. */
export async function writeInputs(folder: string, rows: readonly ProgramName[]): Promise<void> {
  const inputs: Record<string, unknown> = {};
  const write = (name: string, { data, shape, dtype }: HostArray): void => {
    const file = `${name}.bin`;
    writeFileSync(join(folder, file), data);
    inputs[name] = { file, shape, dtype };
  };
  const list = (data: Int32Array): HostArray => ({ data, shape: [data.length], dtype: "i32" });
  const pictures = (name: string, { train: { images, labels } }: Pictures, size: number): void => {
    write(`${name}-images`, images);
    write(`${name}-labels`, labels);
    write(`${name}-order`, list(orderOf(labels.data.length, size)));
  };
  const digits = async (): Promise<void> => pictures("mnist", await mnist(), 100);
  const tagged = async (row: ProgramName): Promise<void> => {
    const { train } = await wikiner();
    inputs["tagged"] = Array.from(shuffle(train, { seed }), ({ words, labels }) => [words, Array.from(labels)]);
    inputs[`${row}-words`] = await tokensOf(row, "words");
    inputs[`${row}-letters`] = (await tokensOf(row, "letters")) ?? null;
  };
  const writers: Readonly<Record<ProgramName, () => Promise<void>>> = {
    async linreg() {
      const { inputs: x, targets } = await housing({ standardize: true });
      write("housing-inputs", x);
      write("housing-targets", targets);
    },
    softmax: digits,
    mlp: digits,
    lenet: digits,
    async vgg() {
      pictures("cifar10", await cifar10(), 64);
    },
    async charlm() {
      const { ids, characters } = await gutenberg(19);
      write("characters", ids);
      inputs["alphabet"] = characters.length;
    },
    async gru() {
      const { train } = await imdb({ words: 30_000, length: 150 });
      write("reviews", train.inputs);
      write("verdicts", train.labels);
      write("reviews-order", list(orderOf(train.labels.data.length, 64)));
    },
    async rnnlm() {
      const { train, vocabulary } = await ptb();
      const sorted = [...train.sentences].sort((a, b) => b.length - a.length);
      const starts = Array.from({ length: Math.ceil(sorted.length / 64) }, (_, k) => 64 * k);
      const batches = shuffle(starts.map((at) => sorted.slice(at, at + 64)), { seed }); // prettier-ignore
      inputs["sentences"] = Array.from(batches, (some) => some.map((ids) => Array.from(ids)));
      inputs["vocabulary"] = vocabulary.length;
      inputs["end"] = vocabulary.indexOf("<eos>");
    },
    tagger: () => tagged("tagger"),
    "tagger-chars": () => tagged("tagger-chars"),
    async treenn() {
      const { train } = await sst();
      inputs["trees"] = Array.from(shuffle(train, { seed }), nested);
      inputs["tree-words"] = await tokensOf("treenn", "words");
    },
    async resnet50() {}, // random pixels
  };
  const missing: Record<string, string> = {};
  for (const row of rows)
    await writers[row]().catch((error: unknown) => {
      if (!(error instanceof DataError)) throw error;
      missing[row] = error.message; // the other rows are measured
    });
  writeFileSync(join(folder, "inputs.json"), JSON.stringify({ ...inputs, missing }));
}
