// MNIST: 70,000 handwritten digits, in the four files in which they were published.
import type { FileSource, LoadOptions, Publication } from "../files/files.ts";
import { filesOf, idxPictures, type IdxFiles } from "./idx-pictures.ts";
import { digitClasses, type Pictures } from "./labeled.ts";

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
} satisfies IdxFiles;

export const mnistPublication: Publication = {
  set: "mnist",
  mirrors: ["https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"],
  terms: "commonly given as CC BY-SA 3.0; the original page states none",
  files: /* @__PURE__ */ filesOf(files),
};

export interface Mnist {
  /**
   * MNIST: 60,000 handwritten digits to train on and 10,000 to test on, bytes of 28 x 28. 11.6 MB are downloaded the
   * first time.
   *
   * Terms: commonly given as CC BY-SA 3.0; the original page states none.
   *
   * Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits".
   *
   * @example
   * const { train, test } = await mnist();
   * const batches = minibatch(train, 100, { backend, shuffle: true, seed: 1 });
   */
  (options?: LoadOptions): Promise<Pictures>;
}

/** `mnist` on a source of files. */
export const mnistFrom =
  (source: FileSource): Mnist =>
  async (options) => ({
    ...(await idxPictures("mnist", files, mnistPublication, source, options)),
    classes: digitClasses,
  });
