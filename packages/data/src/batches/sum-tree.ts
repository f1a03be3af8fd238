// A tree of sums over weights: finds an item by its place in the running sum, and forgets an item, in log n steps each.
// Each sum is computed from the two below it, so no rounding is left over of an item that is forgotten.

export interface SumTree {
  readonly total: () => number;
  /** The item at which the running sum of the weights passes x, for x from 0 to below the total: never one of weight 0. */
  readonly find: (x: number) => number;
  /** Sets the weight of an item to 0. */
  readonly clear: (item: number) => void;
  readonly copy: () => SumTree;
}

export function sumTree(weights: Float64Array): SumTree {
  const leaves = 2 ** Math.ceil(Math.log2(Math.max(weights.length, 1)));
  const sums = new Float64Array(2 * leaves);
  sums.set(weights, leaves);
  for (let i = leaves - 1; i > 0; i--) sums[i] = sums[2 * i]! + sums[2 * i + 1]!;
  return onSums(sums, leaves);
}

const onSums = (sums: Float64Array, leaves: number): SumTree => ({
  total: () => sums[1]!,
  find(x) {
    let at = 1;
    while (at < leaves) {
      const left = sums[2 * at]!;
      // Rounding may lead past the last item: then the nearest one that is there.
      if (x < left || sums[2 * at + 1] === 0) at = 2 * at;
      else {
        x -= left;
        at = 2 * at + 1;
      }
    }
    return at - leaves;
  },
  clear(item) {
    let at = item + leaves;
    sums[at] = 0;
    while ((at >>= 1) > 0) sums[at] = sums[2 * at]! + sums[2 * at + 1]!;
  },
  copy: () => onSums(sums.slice(), leaves),
});
