// Some of the items of data, by their indices or from one place to another.
import { ArgumentError, IndexError } from "@weft/tensor";
import { count, describe, list, readOptions, type OptionKinds } from "@weft/tensor/internals";
import { selectable } from "./selection.ts";

/** Items from one place to another. */
export interface ItemRange {
  /** The first one (0). */
  readonly start?: number;
  /** The place after the last one (the number of items, as if it is larger). */
  readonly end?: number;
}

const rangeKinds: OptionKinds<ItemRange> = {
  start: count,
  end: { wanted: "a whole number from 0, or Infinity", is: (x): x is number => x === Infinity || count.is(x) },
};

/**
 * The items of data with these indices, in their order, or those from `start` to before `end`. All of the items in
 * place are the data itself; else the parts are copies.
 *
 * Data is what `split` takes: a host array, a typed array, a tensor, `ragged(…)`, a list of items, or a list of arrays or
 * an object of any of these. The result has the same form.
 *
 * Errors: IndexError for an index that is not in the data, ShapeError for sources of different lengths.
 *
 * Source: PyTorch's `Subset`.
 *
 * @example
 * const few = subset({ images, labels }, { end: 10 });
 * few.images.shape; // [10, 1, 28, 28]
 * subset(["a", "b", "c"], [2, 0, 2]); // ["c", "a", "c"]
 */
export function subset<T>(data: T, which: ArrayLike<number> | ItemRange): T {
  const { items, select } = selectable("subset", data);
  if (typeof which !== "object" || which === null)
    throw new ArgumentError(`subset: wanted a list of indices or { start, end }, got ${describe(which)}.`);
  if (!list.is(which)) {
    const { start, end } = readOptions<ItemRange, { start: number; end: number }>(
      "subset",
      which as ItemRange,
      rangeKinds,
      {
        start: 0,
        end: Infinity,
      },
    );
    if (start === 0 && end >= items) return data;
    return select(Int32Array.from({ length: Math.max(Math.min(end, items) - start, 0) }, (_, i) => start + i)) as T;
  }
  return select(
    Int32Array.from(which as ArrayLike<number>, (i, place) => {
      if (Number.isInteger(i) && i >= 0 && i < items) return i;
      throw new IndexError(`subset: index ${place} is ${describe(i)}, wanted a whole number below ${items}.`);
    }),
  ) as T;
}
