// What data sets of pictures and of sentences are made of.
import type { HostArray } from "../host-array.ts";

/** Pictures and their labels. */
export interface Labeled {
  /** `[N, channels, height, width]`, bytes with the scale 1/255. */
  readonly images: HostArray<Uint8Array>;
  /** `[N]`, classes from 0. */
  readonly labels: HostArray<Int32Array>;
}

/** What a model is trained on, and what it is tested on. */
export interface Split<T = Labeled> {
  readonly train: T;
  readonly test: T;
}

/** A split with a part to choose models by. */
export interface ThreeWaySplit<T> extends Split<T> {
  readonly validation: T;
}

/** Pictures whose classes have names. */
export interface Pictures extends Split {
  /** The name of each class. */
  readonly classes: readonly string[];
}

/** The classes of pictures of digits: "0" to "9". */
export const digitClasses: readonly string[] = Array.from({ length: 10 }, (_, digit) => String(digit));

/** Bytes as pictures, and classes as their labels. */
export const labeled = (
  pixels: Uint8Array,
  classes: Uint8Array,
  [channels, height, width]: readonly [channels: number, height: number, width: number],
): Labeled => ({
  images: { data: pixels, shape: [classes.length, channels, height, width], dtype: "u8", scale: 1 / 255 },
  labels: { data: Int32Array.from(classes), shape: [classes.length], dtype: "i32" },
});

/** A sentence and its translation. */
export type Pair = readonly [sentence: string, translation: string];
