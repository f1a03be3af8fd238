// A data set that needs no download: handwritten-looking digits, drawn when asked for, the same bit for bit everywhere.
import { count, readOptions, seedNumber, hostArray } from "@weft/tensor/internals";
import { digitClasses, type Labeled, type Pictures } from "./labeled.ts";
import { draw, type Hand } from "./pen.ts";
import { skeletons, type Skeleton } from "./skeletons.ts";
import { purpose, stream } from "../stream.ts";

export interface DigitsOptions {
  /** How many to train on (10,000), and to test on (2,000). */
  readonly train?: number;
  readonly test?: number;
  /** The seed that they are drawn from (1). */
  readonly seed?: number;
}

/** Tuned to be as hard as MNIST: softmax regression gets nine of ten right, a LeNet all but one or two in a hundred. */
const hand: Hand = {
  stray: 0.02,
  stretch: 0.058,
  turn: 0.085,
  slant: [0.12, 0.22],
  width: 0.16,
  height: [17, 20.5],
  tip: [0.7, 1.7],
  shift: 1.1,
};

/**
 * Digits that look handwritten: 28 x 28 bytes each, dark 0 to bright 255 as in MNIST, and about as hard. They are drawn
 * from stroke skeletons with a random pen, rotation, slant and elastic distortion. Image i of a seed is the same
 * whatever the sizes, and on every machine. Works in pages, too.
 *
 * Returns `{ train, test, classes }`, the parts `{ images: u8[N, 1, 28, 28], labels: i32[N] }`, as `mnist()` does.
 *
 * @example
 * const { train, test } = digits();
 * for (const [x, y] of minibatch(train, 100, { backend, shuffle: true, seed: 1 })) {
 *   // x: f32[100, 1, 28, 28] from 0 to 1, y: i32[100]
 * }
 */
export function digits(options?: DigitsOptions): Pictures {
  const kinds = { train: count, test: count, seed: seedNumber };
  const { train, test, seed } = readOptions("digits", options, kinds, { train: 10_000, test: 2_000, seed: 1 });
  return {
    train: write(train, seed, purpose.train),
    test: write(test, seed, purpose.test),
    classes: digitClasses,
  };
}

function write(many: number, seed: number, why: number): Labeled {
  const images = hostArray("digits", many * 28 * 28, "u8") as Uint8Array<ArrayBuffer>;
  const labels = new Int32Array(many);
  for (let i = 0; i < many; i++) {
    const random = stream(seed, why, i);
    labels[i] = random.below(10);
    const way = choose(skeletons[labels[i]!]!, random.uniform());
    draw(way, hand, random, images.subarray(i * 784, (i + 1) * 784));
  }
  return {
    images: { data: images, shape: [many, 1, 28, 28], dtype: "u8", scale: 1 / 255 },
    labels: { data: labels, shape: [many], dtype: "i32" },
  };
}

function choose(ways: readonly Skeleton[], u: number): Skeleton {
  let left = u * ways.reduce((sum, way) => sum + way.weight, 0);
  return ways.find((way) => (left -= way.weight) < 0) ?? ways[0]!;
}
