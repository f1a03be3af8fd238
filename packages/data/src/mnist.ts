// MNIST: 70,000 handwritten digits, read from the four files in which they were published.
import { readOptions } from "@weft/tensor/internals";
import { DataError } from "./data-error.ts";
import type { Labeled, Split } from "./digits.ts";
import { gunzip, loadOptions, type FileSource, type KnownFile, type LoadOptions, type Publication } from "./files.ts";
import { parseIdx } from "./idx.ts";

interface PackedFile extends KnownFile {
  readonly unpacked: number;
}

const files = {
  train: {
    images: {
      name: "train-images-idx3-ubyte.gz",
      bytes: 9_912_422,
      unpacked: 47_040_016,
      sha256: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    },
    labels: {
      name: "train-labels-idx1-ubyte.gz",
      bytes: 28_881,
      unpacked: 60_008,
      sha256: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    },
  },
  test: {
    images: {
      name: "t10k-images-idx3-ubyte.gz",
      bytes: 1_648_877,
      unpacked: 7_840_016,
      sha256: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    },
    labels: {
      name: "t10k-labels-idx1-ubyte.gz",
      bytes: 4_542,
      unpacked: 10_008,
      sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
  },
} as const satisfies Record<string, Record<string, PackedFile>>;

const published: Publication = {
  set: "mnist",
  mirrors: ["https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"],
};

export type Mnist = (options?: LoadOptions) => Promise<Split>;

/** `mnist` on a source of files. */
export const mnistFrom =
  (source: FileSource): Mnist =>
  async (given) => {
    const options = readOptions("mnist", given, loadOptions, {});
    return { train: await part(files.train, source, options), test: await part(files.test, source, options) };
  };

async function part(
  { images, labels }: { images: PackedFile; labels: PackedFile },
  source: FileSource,
  options: LoadOptions,
): Promise<Labeled> {
  const read = async (file: PackedFile) => {
    const packed = await source(file, published, options);
    return parseIdx(await gunzip(packed, file.unpacked, file.name), file.name);
  };
  const x = await read(images);
  const y = await read(labels);
  return labeled(x.data, x.shape, y.data, y.shape);
}

function labeled(pixels: unknown, size: readonly number[], classes: unknown, count: readonly number[]): Labeled {
  const [n, height, width] = size;
  if (
    !(
      pixels instanceof Uint8Array &&
      classes instanceof Uint8Array &&
      size.length === 3 &&
      count.length === 1 &&
      n === count[0]
    )
  )
    throw new DataError(
      `mnist: wanted bytes of shape [N, height, width] and [N], found the shapes [${size}] and [${count}].`,
    );
  return {
    images: { data: pixels, shape: [n!, 1, height!, width!], dtype: "u8", scale: 1 / 255 },
    labels: { data: Int32Array.from(classes), shape: [n!], dtype: "i32" },
  };
}
