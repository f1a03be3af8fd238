// Samplers: which items the batches of a pass have, as lists of indices that are drawn anew for each pass.
import { ArgumentError } from "@weft/tensor";
import { boolean, count, describe, list, readOptions, readValue, seedNumber } from "@weft/tensor/internals";
import { isRagged, lengthsOf, type AnyRagged } from "./ragged.ts";
import { permutation, purpose, stream, type Stream } from "../stream.ts";
import type { Sampler } from "./order.ts";
import { sumTree } from "./sum-tree.ts";

export interface SamplerOptions {
  /** How many indices a pass has (as many as there are items). */
  readonly count?: number;
  /** Which random numbers (0). */
  readonly seed?: number;
}
export interface ReplacementOptions extends SamplerOptions {
  /** Whether an item may come more than once in a pass. */
  readonly replacement?: boolean;
}

const kinds = { count, seed: seedNumber };
const replacing = { ...kinds, replacement: boolean };

const sampler = (length: number, seed: number, drawn: (random: Stream, size: number) => Int32Array): Sampler => ({
  length,
  pass: (n, size) => drawn(stream(seed, purpose.samples, n), size),
});

/** Refuses to draw more items than there are without repeating one. */
function enough(op: string, wanted: number, there: number, what: string): void {
  if (wanted > there)
    throw new ArgumentError(
      `${op}: wanted ${wanted} different items of ${there}${what}. Pass a smaller count or { replacement: true }.`,
    );
}

/**
 * Samples of `n` items that are equally likely: a part of them in each pass (`{ count }`), or with replacement.
 *
 * Source: PyTorch's `RandomSampler`.
 *
 * @example
 * const batches = minibatch(images, 10, { sampler: randomSampler(200, { count: 50 }) });
 * batches.length; // 5
 */
export function randomSampler(n: number, options?: ReplacementOptions): Sampler {
  const items = readValue("randomSampler", "n", n, count);
  const read = readOptions("randomSampler", options, replacing, { count: items, seed: 0, replacement: false });
  const { count: many, replacement } = read;
  if (!replacement) enough("randomSampler", many, items, "");
  if (items === 0 && many > 0) throw new ArgumentError(`randomSampler: there are no items to draw ${many} from.`);
  return sampler(many, read.seed, (random) =>
    replacement
      ? Int32Array.from({ length: many }, () => random.below(items))
      : permutation(items, random).subarray(0, many),
  );
}

/**
 * Samples in which item i comes with a probability proportional to `weights[i]`; with `{ replacement: false }` each
 * item at most once, drawn one after another from those that are left.
 *
 * Errors: ArgumentError for weights that are negative or not finite, or all 0.
 *
 * Source: PyTorch's `WeightedRandomSampler`.
 *
 * @example
 * const rare = weightedSampler([0, 1, 0, 3], { count: 8, seed: 1 });
 * Array.from(rare.pass(0, 1)).filter((i) => i === 3).length; // 5
 */
export function weightedSampler(weights: ArrayLike<number>, options?: ReplacementOptions): Sampler {
  const own = Float64Array.from(readValue("weightedSampler", "the weights", weights, list) as ArrayLike<number>);
  const read = readOptions("weightedSampler", options, replacing, { count: own.length, seed: 0, replacement: true });
  const { count: many, replacement } = read;
  const wrong = own.findIndex((w) => !(w >= 0 && w < Infinity));
  if (wrong >= 0)
    throw new ArgumentError(`weightedSampler: weight ${wrong} is ${own[wrong]}, wanted a finite number from 0.`);
  const possible = own.filter((w) => w > 0).length;
  if (possible === 0 && many > 0)
    throw new ArgumentError(
      `weightedSampler: none of the ${own.length} weights is positive, and ${many} items are wanted.`,
    );
  if (!replacement) enough("weightedSampler", many, possible, " with a positive weight");
  const sum = own.reduce((a, b) => a + b, 0);
  if (!Number.isFinite(sum))
    throw new ArgumentError(`weightedSampler: the sum of the weights is ${sum}, wanted a finite number.`);
  const full = sumTree(own);
  return sampler(many, read.seed, (random) => {
    const tree = replacement ? full : full.copy();
    return Int32Array.from({ length: many }, () => {
      const i = tree.find(random.long() * 2 ** -53 * tree.total());
      if (!replacement) tree.clear(i);
      return i;
    });
  });
}

/**
 * Samples with equally many items of each class, to within one: those of a rare class come again and again, each as
 * often as the others of its class, to within one. A pass is in random order.
 *
 * @example
 * const even = balancedSampler([0, 0, 0, 0, 0, 0, 1, 1]);
 * Array.from(even.pass(0, 1)).filter((i) => i >= 6).length; // 4
 */
export function balancedSampler(labels: ArrayLike<unknown>, options?: SamplerOptions): Sampler {
  if (typeof (labels as ArrayLike<unknown> | null | undefined)?.length !== "number")
    throw new ArgumentError(`balancedSampler: wanted a list of labels, got ${describe(labels)}.`);
  const read = readOptions("balancedSampler", options, kinds, { count: labels.length, seed: 0 });
  const classes = byClass(labels);
  if (classes.length === 0 && read.count > 0)
    throw new ArgumentError(`balancedSampler: there are no items to draw ${read.count} from.`);
  return sampler(read.count, read.seed, (random) => {
    const drawn: number[] = [];
    // The classes that get one more are other ones in each pass.
    const turns = permutation(classes.length, random);
    turns.forEach((c, turn) => {
      const members = classes[c]!;
      const quota = Math.floor(read.count / classes.length) + (turn < read.count % classes.length ? 1 : 0);
      for (let left = quota; left > 0; left -= members.length)
        for (const at of permutation(members.length, random).subarray(0, left)) drawn.push(members[at]!);
    });
    return permutation(drawn.length, random).map((i) => drawn[i]!);
  });
}

export interface BucketOptions {
  /** Whether the batches of a pass come in a random order (true), or the shortest items first. */
  readonly shuffle?: boolean;
  /** Which random numbers (0). */
  readonly seed?: number;
}

/**
 * Batches of items of similar length, so that little is padded: the items are sorted by length (equal ones in random
 * order), cut into batches, and these come in random order. What does not fill a batch is left over at random, and
 * comes last with `{ partial: true }`.
 *
 * Lengths are a list of them, or ragged data, which has its own.
 *
 * Source: the batches of DyNet's benchmarks, which Knet's programs have, too.
 *
 * @example
 * const text = ragged([[1, 2, 3], [4], [5, 6, 7], [8]]);
 * const batches = minibatch(text, 2, { sampler: bucketSampler(text, { shuffle: false }) });
 * [...batches].map(([x]) => x.shape[1]); // [1, 3]
 */
export function bucketSampler(lengths: ArrayLike<number> | AnyRagged, options?: BucketOptions): Sampler {
  const read = readOptions(
    "bucketSampler",
    options,
    { shuffle: boolean, seed: seedNumber },
    { shuffle: true, seed: 0 },
  );
  if (!isRagged(lengths) && !list.is(lengths))
    throw new ArgumentError(`bucketSampler: wanted a list of lengths or ragged data, got ${describe(lengths)}.`);
  const own = isRagged(lengths) ? lengthsOf(lengths) : Float64Array.from(lengths);
  const wrong = own.findIndex(Number.isNaN);
  if (wrong >= 0) throw new ArgumentError(`bucketSampler: length ${wrong} is NaN, wanted a number.`);
  return sampler(own.length, read.seed, (random, size) => {
    const items = read.shuffle ? permutation(own.length, random) : Int32Array.from(own, (_, i) => i);
    const batches = Math.floor(own.length / size);
    // What is left over is so before sorting: otherwise it would always be the longest.
    const sorted = items.slice(0, batches * size).sort((a, b) => own[a]! - own[b]!);
    const places = read.shuffle ? permutation(batches, random) : Int32Array.from({ length: batches }, (_, i) => i);
    places.forEach((place, i) => items.set(sorted.subarray(place * size, (place + 1) * size), i * size));
    return items;
  });
}

/** The items of each class, in the order in which classes first come. */
export function byClass(labels: ArrayLike<unknown>): number[][] {
  const classes = new Map<unknown, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const known = classes.get(labels[i]);
    if (known === undefined) classes.set(labels[i], [i]);
    else known.push(i);
  }
  return [...classes.values()];
}
