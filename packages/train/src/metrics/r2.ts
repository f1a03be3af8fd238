// The coefficient of determination, from moments that are merged without losing digits.
import {
  add,
  cast,
  div,
  maximum,
  mul,
  onesLike,
  reshape,
  ShapeError,
  square,
  stack,
  sub,
  sum,
  take,
  where,
  type Tensor,
} from "@weft/tensor";
import { inFloats, sameShape } from "@weft/tensor/internals";
import { batchOf, Merged, type Metric } from "./metric.ts";

/**
 * Two sets of numbers as one. Rows: count, mean, sum of squared deviations from it, sum of squared errors.
 *
 * Source: T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating formulae and a pairwise algorithm for computing sample
 * variances", 1979.
 */
function together(a: Tensor, b: Tensor): Tensor {
  const rows = [0, 1, 2, 3].map((k) => [take(a, k), take(b, k)] as const);
  const [counts, means, squares, errors] = rows as [Pair, Pair, Pair, Pair];
  const count = add(...counts);
  const distance = sub(means[1], means[0]);
  const part = div(counts[1], maximum(count, 1));
  return stack([
    count,
    add(means[0], mul(distance, part)),
    add(add(...squares), mul(square(distance), mul(counts[0], part))),
    add(...errors),
  ]);
}

type Pair = readonly [Tensor, Tensor];

/**
 * R² = 1 − Σ (target − y)² / Σ (target − mean of the targets)², averaged over the columns of predictions and targets
 * `[N, …]`. Where all targets of a column are equal it is 1 if they are predicted exactly, else 0; with fewer than two
 * targets it is NaN.
 *
 * Source: scikit-learn's `r2_score`.
 *
 * @example
 * const r2 = metrics.r2();
 * r2.update(tensor([1, 2, 4]), tensor([1, 2, 3]));
 * await r2.result(); // 0.5
 */
export function r2(): Metric {
  const merged = new Merged(together);
  return {
    update(y, target, mask) {
      const batch = batchOf("r2", y, target, mask);
      if (!sameShape(batch.y.shape, batch.target.shape))
        throw new ShapeError(
          `r2: predictions [${batch.y.shape}] and targets [${batch.target.shape}] differ; reshape one`,
        );
      if (batch.target.size === 0) return;
      merged.add(() => {
        const rows = batch.target.shape[0] ?? 1;
        const matrix = (x: Tensor): Tensor => reshape(x, [rows, -1]);
        const t = matrix(inFloats(batch.target));
        const counts = batch.counts === undefined ? undefined : matrix(batch.counts);
        const only = (x: Tensor): Tensor => (counts === undefined ? x : where(counts, x, 0));
        const total = (x: Tensor): Tensor => sum(only(x), { axis: 0 });
        const count = counts === undefined ? total(onesLike(t)) : sum(cast(counts, t.dtype), { axis: 0 });
        // Relative to the first target, so that equal ones have exactly their mean.
        const first = take(only(t), 0);
        const mean = add(first, div(total(sub(t, first)), maximum(count, 1)));
        const errors = sub(t, matrix(inFloats(batch.y)));
        return stack([count, mean, total(square(sub(t, mean))), total(square(errors))]);
      });
    },
    async result() {
      const numbers = await merged.read();
      const columns = numbers.length / 4;
      let total = 0;
      for (let k = 0; k < columns; k++) {
        const [count, , squares, errors] = [0, 1, 2, 3].map((row) => numbers[row * columns + k]!) as Four;
        total += count < 2 ? NaN : squares === 0 ? Number(errors === 0) : 1 - errors / squares;
      }
      return total / columns;
    },
    reset: () => merged.release(),
  };
}

type Four = [number, number, number, number];
