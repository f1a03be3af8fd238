// Fashion-MNIST: 70,000 pictures of clothes, in files of MNIST's form and names.
import type { FileSource, LoadOptions, Publication } from "../files/files.ts";
import { idxPictures, type IdxFiles } from "./idx-pictures.ts";
import type { Pictures } from "./labeled.ts";

const files = {
  train: {
    images: {
      name: "train-images-idx3-ubyte.gz",
      bytes: 26_421_880,
      unpacked: 47_040_016,
      sha256: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    },
    labels: {
      name: "train-labels-idx1-ubyte.gz",
      bytes: 29_515,
      unpacked: 60_008,
      sha256: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    },
  },
  test: {
    images: {
      name: "t10k-images-idx3-ubyte.gz",
      bytes: 4_422_102,
      unpacked: 7_840_016,
      sha256: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    },
    labels: {
      name: "t10k-labels-idx1-ubyte.gz",
      bytes: 5_148,
      unpacked: 10_008,
      sha256: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
  },
} satisfies IdxFiles;

const published: Publication = {
  set: "fashion-mnist",
  mirrors: [
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
  ],
  terms: "MIT",
};

// oxfmt-ignore
const classes = [
  "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
];

export interface FashionMnist {
  /**
   * Fashion-MNIST: 60,000 gray pictures of clothes to train on and 10,000 to test on, bytes of 28 x 28, ten classes. It
   * is used as MNIST is, and is harder. 30.9 MB are downloaded the first time.
   *
   * Terms: MIT.
   *
   * Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning
   * algorithms", 2017.
   *
   * @example
   * const { train, test, classes } = await fashionMnist();
   * classes[train.labels.data[0]]; // "Ankle boot"
   */
  (options?: LoadOptions): Promise<Pictures>;
}

/** `fashionMnist` on a source of files. */
export const fashionMnistFrom =
  (source: FileSource): FashionMnist =>
  async (options) => ({ ...(await idxPictures("fashionMnist", files, published, source, options)), classes });
