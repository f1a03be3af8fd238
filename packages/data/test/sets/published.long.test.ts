// The published files themselves, from WEFT_DATA or from a folder of data sets beside the repository: counts, first items
// and checksums of what the loaders make of them.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  cifar10,
  fashionMnist,
  fraEng,
  gutenberg,
  housing,
  imdb,
  iris,
  mnist,
  multi30k,
  ptb,
  shakespeare,
  sst,
  wikiner,
  type Labeled,
  type Tree,
} from "@weft/data";

const beside = join(import.meta.dirname, "../../../../../shared/data");
const given = process.env["WEFT_DATA"];
const folder = given ?? (existsSync(beside) ? beside : undefined);
beforeEach(() => {
  if (folder !== undefined) vi.stubEnv("WEFT_DATA", folder);
});
afterEach(() => void vi.unstubAllEnvs());

/** A test that is skipped, with the reason in its name, where a file is missing. */
function real(set: string, file: string, check: () => Promise<void>): void {
  const there = folder !== undefined && [join(folder, set, file), join(folder, file)].some((path) => existsSync(path));
  const why = folder === undefined ? "WEFT_DATA is not set" : `${folder} has no ${set}/${file}`;
  test.skipIf(!there)(there ? set : `${set} (skipped: ${why})`, check);
}
const sha256 = (content: Uint8Array | string): string => createHash("sha256").update(content).digest("hex");
const counted = (labels: Iterable<number>): number[] => {
  const counts: number[] = [];
  for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  return counts;
};
const shapes = ({ images, labels }: Labeled) => [images.shape, labels.shape];

real("mnist", "train-images-idx3-ubyte.gz", async () => {
  const { train, test: held } = await mnist();
  expect([shapes(train), shapes(held)]).toEqual([
    [[60_000, 1, 28, 28], [60_000]],
    [[10_000, 1, 28, 28], [10_000]],
  ]);
  expect([...train.labels.data.subarray(0, 10)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
  expect([...held.labels.data.subarray(0, 10)]).toEqual([7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
  const mean = train.images.data.reduce((s, v) => s + v, 0) / train.images.data.length / 255;
  expect(mean).toBeCloseTo(0.1307, 4); // the mean that is commonly used to normalize
});

real("fashion-mnist", "train-images-idx3-ubyte.gz", async () => {
  const { train, test: held, classes } = await fashionMnist();
  expect([shapes(train), shapes(held)]).toEqual([
    [[60_000, 1, 28, 28], [60_000]],
    [[10_000, 1, 28, 28], [10_000]],
  ]);
  expect([...train.labels.data.subarray(0, 10)]).toEqual([9, 0, 0, 3, 0, 2, 7, 2, 5, 5]);
  expect(counted(train.labels.data)).toEqual(classes.map(() => 6000));
});

real("cifar10", "data_batch_1.bin", async () => {
  const { train, test: held, classes } = await cifar10();
  expect([shapes(train), shapes(held)]).toEqual([
    [[50_000, 3, 32, 32], [50_000]],
    [[10_000, 3, 32, 32], [10_000]],
  ]);
  expect([...train.labels.data.subarray(0, 10)]).toEqual([6, 9, 9, 4, 1, 1, 2, 7, 8, 3]);
  expect([...held.labels.data.subarray(0, 10)]).toEqual([3, 8, 8, 0, 6, 6, 1, 6, 3, 1]);
  expect([counted(train.labels.data), counted(held.labels.data)]).toEqual([
    classes.map(() => 5000),
    classes.map(() => 1000),
  ]);
  // The records of the test file, put together again.
  const records = Buffer.concat(
    Array.from(held.labels.data, (label, i) => [
      Uint8Array.of(label),
      held.images.data.subarray(3072 * i, 3072 * (i + 1)),
    ]).flat(),
  );
  expect(sha256(records)).toBe("8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b");
});

real("housing", "housing.data", async () => {
  const { inputs, targets } = await housing();
  expect([inputs.shape, targets.shape]).toEqual([
    [506, 13],
    [506, 1],
  ]);
  expect([inputs.data[0], inputs.data[12], targets.data[0]]).toEqual([0.00632, 4.98, 24].map(Math.fround));
  expect(targets.data.reduce((s, v) => s + v, 0) / 506).toBeCloseTo(22.5328, 4);
});

real("iris", "iris.data", async () => {
  const { inputs, labels } = await iris();
  expect([inputs.shape, counted(labels.data)]).toEqual([
    [150, 4],
    [50, 50, 50],
  ]);
  expect([...inputs.data.subarray(34 * 4, 35 * 4)]).toEqual([4.9, 3.1, 1.5, 0.1].map(Math.fround));
});

real("shakespeare", "input.txt", async () => {
  const { text, characters, ids } = await shakespeare();
  expect([text.length, characters.length, ids.shape]).toEqual([1_115_394, 65, [1_115_394]]);
  const again = Array.from(ids.data, (id) => characters[id]).join("");
  expect(sha256(again)).toBe("86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed");
});

real("gutenberg", "19.txt", async () => {
  const { text, characters } = await gutenberg();
  expect([text.length, characters.length]).toEqual([214_325, 84]);
  expect(sha256(text)).toBe("c1f1725c6e9a8d96ac34de046f2c9ee320b49ed27f724dc51f85c643b715748f");
  const body = (await gutenberg(19, { body: true })).text;
  expect([body.slice(0, 20), body.slice(-13)]).toEqual(["THE SONG OF HIAWATHA", "Indian dandy\n"]);
});

real("gutenberg", "100-0.zip", async () => {
  const { text, characters } = await gutenberg(100);
  expect([text.length, characters.length]).toEqual([5_834_392, 99]);
  expect(sha256(`\ufeff${text}`)).toBe("17d47ae375676f7576feb3d931784223865403a18537707f9a567247015d6781");
});

real("ptb", "ptb.train.txt", async () => {
  const { train, validation, test: held, vocabulary } = await ptb();
  const counts = [train, validation, held].map(({ words, sentences }) => [words.shape, sentences.length]);
  expect(counts).toEqual([
    [[929_589], 42_068],
    [[73_760], 3_370],
    [[82_430], 3_761],
  ]);
  expect([vocabulary.length, vocabulary.slice(0, 4)]).toEqual([10_000, ["the", "<unk>", "<eos>", "N"]]);
  const lines = held.sentences.map((ids) => ` ${Array.from(ids.subarray(0, -1), (id) => vocabulary[id]).join(" ")} \n`);
  expect(sha256(lines.join(""))).toBe("dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0");
});

real("sst", "trainDevTestTrees_PTB.zip", async () => {
  const { train, validation, test: held, vocabulary } = await sst();
  const roots = [train, validation, held].map((trees) => counted(trees.map(({ label }) => label)));
  expect(roots).toEqual([
    [1092, 2218, 1624, 2322, 1288],
    [139, 289, 229, 279, 165],
    [279, 633, 389, 510, 399],
  ]);
  const written = ({ label, word, children }: Tree<number>): string =>
    `(${label} ${word ?? children.map(written).join(" ")})`;
  const leaves = ({ children }: Tree<number>): number =>
    children.reduce((n, child) => n + leaves(child), children.length === 0 ? 1 : 0);
  expect(sha256(train.map((tree) => `${written(tree)}\n`).join(""))).toBe(
    "e2f3f41b0b1e6d4dddc0effe3bfc2d27ed8928079aa9a03d652311614fc5feb7",
  );
  const words = [train, validation, held].map((trees) => trees.reduce((n, tree) => n + leaves(tree), 0));
  expect([words, vocabulary.length]).toEqual([[163_563, 21_274, 42_405], 18_280]);
});

real("wikiner", "train.txt", async () => {
  const { train, validation, classes } = await wikiner();
  expect([train.length, validation.length]).toEqual([10_000, 1_696]);
  const tags = [train, validation].map((sentences) => counted(sentences.flatMap(({ labels }) => [...labels])));
  expect(classes).toEqual(["O", "I-PER", "I-LOC", "I-MISC", "I-ORG", "B-MISC", "B-LOC", "B-PER", "B-ORG"]);
  expect(tags).toEqual([
    [213_949, 11_318, 9_485, 8_854, 4_385, 22, 11, 7, 7],
    [32_576, 1_634, 1_447, 1_392, 1_958],
  ]);
  const lines = train.map(({ words, tags }) => `${words.map((word, k) => `${word}|${tags[k]}`).join(" ")}\n`);
  expect(sha256(lines.join(""))).toBe("16b42ac4ce1a32f3a67580f20106765645ea051cc47f0ab8e2ecdbddf114ca98");
});

real("multi30k", "train.en.gz", async () => {
  const { train, validation, test: held } = await multi30k();
  expect([train.length, validation.length, held.length]).toEqual([29_000, 1_014, 1_000]);
  const column = (k: 0 | 1) => sha256(train.map((pair) => `${pair[k]}\n`).join(""));
  expect([column(0), column(1)]).toEqual([
    "460a15fbd157e34a7a9957ee388c1ca247fe47af3ef25fb50442af6c274e0fc6",
    "2c2b73fd2b548fbcde3a875e0a78d6ee94d498bfdee6bd3eae3945779e9ddf72",
  ]);
});

real("fra-eng", "fra-eng.zip", async () => {
  const pairs = await fraEng();
  expect([pairs.length, pairs[0], pairs[1]]).toEqual([142_787, ["Go.", "Va !"], ["Run!", "Cours\u202f!"]]);
  expect(sha256(pairs.map((pair) => `${pair.join("\t")}\n`).join(""))).toBe(
    "2546838ae46e0eac4c02ab7032ea0a02a006074a5340077a36a9444f41e02888",
  );
});

real("imdb", "imdb.npz", async () => {
  const { train, test: held, vocabulary } = await imdb(); // as keras.datasets.imdb.load_data() gives it
  expect([train.inputs.length, held.inputs.length, vocabulary.length]).toEqual([25_000, 25_000, 88_588]);
  expect([...train.inputs[0]!.subarray(0, 10)]).toEqual([1, 14, 22, 16, 43, 530, 973, 1622, 1385, 65]);
  expect([...held.inputs[0]!.subarray(0, 10)]).toEqual([1, 591, 202, 14, 31, 6, 717, 10, 10, 18142]);
  expect([train.inputs[0]!.length, held.inputs[0]!.length]).toEqual([218, 68]);
  expect([...train.labels.data.subarray(0, 5)]).toEqual([1, 0, 0, 1, 0]);
  expect([...held.labels.data.subarray(0, 5)]).toEqual([0, 1, 1, 0, 1]);
  const words = (lists: readonly Int32Array[]) => lists.reduce((n, { length }) => n + length - 1, 0);
  expect([words(train.inputs), words(held.inputs)]).toEqual([5_942_841, 5_745_105]);
  expect(Array.from(train.inputs[0]!.subarray(0, 5), (id) => vocabulary[id]).join(" ")).toBe(
    "<start> this film was just",
  );
  const sorted = await imdb({ seed: null, offset: 0, start: null, oov: null });
  expect([...sorted.train.inputs[0]!.subarray(0, 5)]).toEqual([23022, 309, 6, 3, 1069]);
  const short = await imdb({ words: 30_000, length: 150 });
  const largest = short.train.inputs.data.reduce((a, b) => Math.max(a, b));
  expect([short.train.inputs.shape, largest]).toEqual([[25_000, 150], 29_999]);
});
