// The random streams of this package: counter-based, so that pass 7 of a shuffle or image 4,711 of a data set is the
// same at any time, in any order, on every machine.
import { threefry } from "@weft/tensor/internals";

/** What a stream is for: streams of one seed with different purposes never overlap. */
export const purpose = {
  batches: 0x62617463,
  items: 0x6974656d,
  parts: 0x70617274,
  pictures: 0x70696374,
  samples: 0x73616d70,
  train: 0x7472616e,
  test: 0x74657374,
} as const;

export interface Stream {
  /** 32 random bits, as a number from 0 to 2^32 - 1. */
  bits(): number;
  /** 53 random bits, as a number from 0 to 2^53 - 1. */
  long(): number;
  /** A number in [0, 1), a multiple of 2^-32. */
  uniform(): number;
  /** An integer in [0, n), each equally likely. */
  below(n: number): number;
}

/** The stream number `index` (a pass, an image) of a seed and a purpose. */
export function stream(seed: number, why: number, index: number): Stream {
  const key = [seed >>> 0, (Math.floor(seed / 2 ** 32) ^ why) >>> 0] as const;
  let words: readonly [number, number] = [0, 0];
  let drawn = 0;
  const bits = (): number => {
    if (drawn % 2 === 0) words = threefry(key, drawn / 2, index);
    return words[(drawn++ % 2) as 0 | 1];
  };
  return {
    bits,
    long: () => bits() * 2 ** 21 + (bits() >>> 11),
    uniform: () => bits() * 2 ** -32,
    below(n) {
      const fair = 2 ** 32 - (2 ** 32 % n); // the part of the range that n divides
      let b = bits();
      while (b >= fair) b = bits();
      return b % n;
    },
  };
}

/** The numbers 0 to n - 1 in a random order (Fisher and Yates). */
export function permutation(n: number, random: Pick<Stream, "below">): Int32Array {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const kept = order[i]!;
    order[i] = order[j]!;
    order[j] = kept;
  }
  return order;
}
