// Cross-validation: data in k parts, each of which is held out once.
import { ArgumentError } from "@weft/tensor";
import { readOptions, shown } from "@weft/tensor/internals";
import { purpose, stream } from "../stream.ts";
import { selectable } from "./selection.ts";
import { divided, splitKinds, type SplitOptions } from "./split.ts";
import { strata } from "./strata.ts";

/** What one model is trained on, and what it is measured on. */
export interface Fold<T> {
  readonly train: T;
  readonly validation: T;
}

/** The folds, each made when it is asked for. */
export interface Folds<T> extends Iterable<Fold<T>> {
  /** How many there are: k. */
  readonly length: number;
}

/**
 * The k pairs `{ train, validation }` of a cross-validation: each item is in the validation part of one of them, and
 * to train on in all others. The parts differ by at most one item, and a pair is made when it is asked for.
 *
 * Data and options are those of `split`. The result can be iterated over again and again; it is no array, since that
 * would hold all pairs at once: `[...kFold(data, 5)]` does.
 *
 * Errors: ArgumentError for a k below 2 or above the number of items, and for labels that are all different.
 *
 * Source: scikit-learn's `KFold` and `StratifiedKFold`.
 *
 * @example
 * const sizes = [];
 * for (const { train, validation } of kFold([1, 2, 3, 4, 5], 2, { seed: 1 }))
 *   sizes.push([train.length, validation.length]);
 * sizes; // [[2, 3], [3, 2]]
 */
export function kFold<T>(data: T, k: number, options?: SplitOptions): Folds<T> {
  const read = readOptions("kFold", options, splitKinds, { shuffle: true, seed: 0 });
  const { items, select } = selectable("kFold", data);
  if (!(Number.isInteger(k) && k >= 2 && k <= items))
    throw new ArgumentError(`kFold: k is ${shown(k)}, wanted a whole number from 2 to the number of items, ${items}.`);
  const random = read.shuffle ? stream(read.seed, purpose.parts, 0) : undefined;
  const shares = Array.from({ length: k }, () => 1 / k);
  const parts = divided(strata("kFold", data, items, read.stratify), shares, random);
  function* folds(): Generator<Fold<T>> {
    for (const held of parts) {
      const others = parts.filter((part) => part !== held);
      const train = Int32Array.from(others.flatMap((part) => [...part]));
      if (random === undefined) train.sort();
      yield { train: select(train), validation: select(held) } as Fold<T>;
    }
  }
  return { length: k, [Symbol.iterator]: folds };
}
