// Which items the batches of a pass have: in the stored order, in a random one, or as a sampler says. Pass n is the same
// whenever it is asked for.
import { ArgumentError, IndexError } from "@weft/tensor";
import { describe, type OptionKind } from "@weft/tensor/internals";
import { permutation, purpose, stream } from "../stream.ts";

/** Indices of items, drawn anew in each pass. */
export interface Sampler {
  /** How many indices a pass has. */
  readonly length: number;
  /** The indices of pass n, from 0, for batches of `size`: always the same ones, so that training can be resumed. */
  pass(n: number, size: number): ArrayLike<number>;
}

export const samplerKind: OptionKind<Sampler | Iterable<number>> = {
  wanted: "a sampler or a list of indices",
  is: (x): x is Sampler => typeof x === "object" && x !== null && (Symbol.iterator in x || "pass" in x),
};

export interface Ordering {
  /** How many indices a pass has. */
  readonly length: number;
  /** The indices of pass n; undefined for the stored order. */
  readonly pass: (n: number) => Int32Array | undefined;
}

/** The stored order, or a random one. */
export const orderOf = (items: number, shuffle: boolean, seed: number): Ordering => ({
  length: items,
  pass: (n) => (shuffle ? permutation(items, stream(seed, purpose.batches, n)) : undefined),
});

/** The order of a sampler, or of a list of indices, which is the same in each pass. */
export function sampled(given: Sampler | Iterable<number>, items: number, size: number): Ordering {
  const list = Symbol.iterator in given ? Array.from(given) : undefined;
  const { length } = list ?? (given as Sampler);
  return {
    length,
    pass(n) {
      const indices = list ?? (given as Sampler).pass(n, size);
      if (indices.length !== length)
        throw new ArgumentError(`minibatch: the sampler gave ${indices.length} indices, wanted ${length}.`);
      return Int32Array.from(indices, (i) => {
        if (Number.isInteger(i) && i >= 0 && i < items) return i;
        throw new IndexError(`minibatch: the sampler gave ${describe(i)}, wanted an index below ${items}.`);
      });
    },
  };
}
