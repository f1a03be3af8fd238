// CIFAR-10: 60,000 color pictures, in its binary version.
import { fromTar } from "@weft/formats/internals";
import { readOptions } from "@weft/tensor/internals";
import { DataError } from "../data-error.ts";
import { loadOptions, type FileSource, type LoadOptions, type Publication } from "../files/files.ts";
import { obtainUnpacked } from "../files/gunzip.ts";
import { reading } from "./form.ts";
import { labeled, type Labeled, type Pictures } from "./labeled.ts";

const archive = {
  name: "cifar-10-binary.tar.gz",
  bytes: 170_052_171,
  sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
  /** Six files of 30,730,000 bytes, and what a tar file has around them. */
  unpacked: 185_000_000,
  folder: "cifar-10-batches-bin/",
};

/** SHA-256 of the files, by their names. */
const sums = {
  train: {
    "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
  },
  test: { "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b" },
};

const published: Publication = {
  set: "cifar10",
  mirrors: ["https://www.cs.toronto.edu/~kriz/"],
  terms: "none stated; for research, not to be passed on",
};

const classes = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

export interface Cifar10 {
  /**
   * CIFAR-10: 50,000 color pictures to train on and 10,000 to test on, bytes of 3 x 32 x 32, ten classes. 170 MB are
   * downloaded the first time; the unpacked `data_batch_1.bin` … `test_batch.bin` are used where they are.
   *
   * Terms: the page states none. The pictures come from the web, and their owners keep their rights: for research, not
   * to be passed on.
   *
   * Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
   *
   * @example
   * const { train, test, classes } = await cifar10();
   * const batches = minibatch(train, 64, { backend, shuffle: true, seed: 1 });
   */
  (options?: LoadOptions): Promise<Pictures>;
}

/** `cifar10` on a source of files. */
export const cifar10From =
  (source: FileSource): Cifar10 =>
  async (given) => {
    const options = readOptions("cifar10", given, loadOptions, {});
    const read = (await unpacked(source, options)) ?? (await inArchive(source, options));
    return { train: parse(sums.train, read), test: parse(sums.test, read), classes };
  };

type ByName = ReadonlyMap<string, Uint8Array>;

/** The files as they lie there unpacked, if all of them do. */
async function unpacked(source: FileSource, options: LoadOptions): Promise<ByName | undefined> {
  const found = new Map<string, Uint8Array>();
  for (const [name, sha256] of Object.entries({ ...sums.train, ...sums.test })) {
    const file = { publishedAs: archive.name, bytes: 30_730_000, sha256 };
    const bytes =
      (await source.find({ ...file, name }, published, options)) ??
      (await source.find({ ...file, name: archive.folder + name }, published, options)); // as the archive unpacks
    if (bytes === undefined) return undefined;
    found.set(name, bytes);
  }
  return found;
}

async function inArchive(source: FileSource, options: LoadOptions): Promise<ByName> {
  const tar = await obtainUnpacked(source, archive, published, options);
  const members = reading("cifar10", archive.name, () => fromTar(tar));
  return new Map([...members].map(([name, bytes]) => [name.replace(archive.folder, ""), bytes]));
}

const size = [3, 32, 32] as const;
const pixels = 3 * 32 * 32;

/** Pictures and labels of some files. */
function parse(part: Readonly<Record<string, string>>, read: ByName): Labeled {
  const batches = Object.keys(part).map((name) => reading("cifar10", name, () => records(read.get(name))));
  const count = batches.reduce((sum, { labels }) => sum + labels.length, 0);
  const all = { pixels: new Uint8Array(count * pixels), labels: new Uint8Array(count) };
  let at = 0;
  for (const batch of batches) {
    all.labels.set(batch.labels, at);
    all.pixels.set(batch.pixels, at * pixels);
    at += batch.labels.length;
  }
  return labeled(all.pixels, all.labels, size);
}

/** Records of a label and three planes of pixels, red, green and blue. */
function records(bytes: Uint8Array | undefined): { readonly labels: Uint8Array; readonly pixels: Uint8Array } {
  const width = 1 + pixels;
  if (bytes === undefined) throw new DataError("expected it in the archive, found no such file");
  if (bytes.length === 0 || bytes.length % width !== 0)
    throw new DataError(`expected records of ${width} bytes, found ${bytes.length} bytes`);
  const labels = new Uint8Array(bytes.length / width);
  const images = new Uint8Array(labels.length * pixels);
  for (let i = 0; i < labels.length; i++) {
    const label = bytes[i * width]!;
    if (label >= classes.length) throw new DataError(`expected labels from 0 to 9, found ${label} at picture ${i}`);
    labels[i] = label;
    images.set(bytes.subarray(i * width + 1, (i + 1) * width), i * pixels);
  }
  return { labels, pixels: images };
}
