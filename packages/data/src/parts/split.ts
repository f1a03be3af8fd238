// Splits: data cut into parts, at random or in order, and with the classes in proportion if wanted.
import { ArgumentError } from "@weft/tensor";
import { boolean, describe, readOptions, seedNumber } from "@weft/tensor/internals";
import { permutation, purpose, stream, type Stream } from "../stream.ts";
import { selectable } from "./selection.ts";
import { classesKind, strata, type Classes } from "./strata.ts";

export interface SplitOptions {
  /** Whether items go to parts at random (true), or the first ones to the first part. */
  readonly shuffle?: boolean;
  /** Which random numbers (0). */
  readonly seed?: number;
  /**
   * Keeps classes in proportion: each part gets its share of each class, to within one item. The labels, or the name
   * of the field that has them.
   */
  readonly stratify?: Classes;
}

export const splitKinds = { shuffle: boolean, seed: seedNumber, stratify: classesKind };

/** Parts in the form of the shares, each in the form of the data. */
export type PartsOf<T, S> = { -readonly [K in keyof S]: T };

/**
 * Splits data into parts, at random: by shares that add up to 1, or by numbers of items that add up to all of them.
 *
 * Data is a host array, a typed array, a tensor, `ragged(…)`, a list of items, or a list of arrays or an object of any
 * of these (all of the same number of items). Each part has the same form. Items that rounding leaves over go to the
 * parts that it cost most.
 *
 * Errors: ArgumentError for shares that do not add up and for labels that are all different, ShapeError for sources of different lengths.
 *
 * Source: PyTorch's `random_split`; scikit-learn's `train_test_split` for `stratify`.
 *
 * @example
 * const { train, test } = split({ images, labels }, { train: 0.8, test: 0.2 }, { seed: 1, stratify: "labels" });
 * test.images.shape; // [40, 1, 28, 28]
 * const [first, second] = split(["a", "b", "c", "d"], [0.5, 0.5], { shuffle: false });
 * second; // ["c", "d"]
 */
export function split<T, const S extends readonly number[] | Readonly<Record<string, number>>>(
  data: T,
  shares: S,
  options?: SplitOptions,
): PartsOf<T, S> {
  const read = readOptions("split", options, splitKinds, { shuffle: true, seed: 0 });
  const { items, select } = selectable("split", data);
  if (typeof shares !== "object" || shares === null)
    throw new ArgumentError(`split: wanted a list or an object of shares, got ${describe(shares)}.`);
  const parts = sharesOf(Object.values(shares), items);
  const random = read.shuffle ? stream(read.seed, purpose.parts, 0) : undefined;
  const indices = divided(strata("split", data, items, read.stratify), parts, random);
  const made = indices.map((part) => select(part));
  return (
    Array.isArray(shares) ? made : Object.fromEntries(Object.keys(shares).map((key, i) => [key, made[i]]))
  ) as PartsOf<T, S>;
}

/** Shares as parts of 1. */
function sharesOf(shares: readonly number[], items: number): readonly number[] {
  const sum = shares.reduce((a, b) => a + b, 0);
  const valid = shares.length > 0 && shares.every((s) => typeof s === "number" && s >= 0);
  if (valid && Math.abs(sum - 1) < 1e-9) return shares;
  if (valid && shares.every(Number.isInteger) && sum === items && items > 0) return shares.map((s) => s / items);
  throw new ArgumentError(
    `split: wanted shares that add up to 1, or numbers of items that add up to ${items}, got [${shares.join(", ")}].`,
  );
}

/**
 * The items of each part. Each class gives each part the whole items of its share; what is left of it goes to the parts
 * that are furthest behind their share of all classes so far, which keeps the parts' sizes right, too.
 */
export function divided(
  classes: readonly (readonly number[])[],
  shares: readonly number[],
  random: Stream | undefined,
): Int32Array[] {
  const parts: number[][] = shares.map(() => []);
  let seen = 0;
  for (const members of classes) {
    const order = random === undefined ? members : Array.from(permutation(members.length, random), (i) => members[i]!);
    seen += members.length;
    const counts = shares.map((share) => Math.floor(members.length * share + 1e-9));
    let left = members.length - counts.reduce((a, b) => a + b, 0);
    const behind = shares.map((share, p) => seen * share - parts[p]!.length - counts[p]!);
    for (; left > 0; left--) {
      const most = behind.reduce((best, x, p) => (x > behind[best]! + 1e-9 ? p : best), 0);
      counts[most]!++;
      behind[most]!--;
    }
    let at = 0;
    counts.forEach((n, p) => {
      for (const end = at + n; at < end; at++) parts[p]!.push(order[at]!);
    });
  }
  // Otherwise the classes would come one after another.
  return parts.map((part) => {
    if (classes.length === 1) return Int32Array.from(part);
    if (random === undefined) return Int32Array.from(part).sort();
    return permutation(part.length, random).map((i) => part[i]!);
  });
}
