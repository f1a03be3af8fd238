// The coefficient of determination, from moments that are merged without losing digits.
import {
  add,
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
import { inFloats, sameShape, sizeOf } from "@weft/tensor/internals";
import { metricOf, type Batch, type Metric } from "./metric.ts";

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

/** The rows of a batch. */
function momentsOf({ y, target, counts }: Batch): Tensor {
  const { shape, backend } = target;
  if (!sameShape(y.shape, shape))
    throw new ShapeError(`r2: predictions [${y.shape}] and targets [${shape}] differ; reshape one`);
  const columns = sizeOf(shape.slice(1));
  const matrix = (x: Tensor): Tensor => reshape(x, [shape[0] ?? 1, columns]);
  const t = matrix(inFloats(target));
  if (t.size === 0) return backend.zeros([4, columns], { dtype: t.dtype });
  const counted = counts === undefined ? undefined : matrix(counts);
  const only = (x: Tensor): Tensor => (counted === undefined ? x : where(counted, x, 0));
  const total = (x: Tensor): Tensor => sum(only(x), { axis: 0 });
  const count = total(onesLike(t));
  // Relative to the first target, so that equal ones have exactly their mean.
  const first = take(only(t), 0);
  const mean = add(first, div(total(sub(t, first)), maximum(count, 1)));
  const errors = sub(t, matrix(inFloats(y)));
  return stack([count, mean, total(square(sub(t, mean))), total(square(errors))]);
}

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
  return metricOf("r2", undefined, {
    mode: "max",
    part: momentsOf,
    merge: together,
    result(numbers) {
      const columns = numbers.length / 4;
      let total = 0;
      for (let k = 0; k < columns; k++) {
        const [count, , squares, errors] = [0, 1, 2, 3].map((row) => numbers[row * columns + k]!) as Four;
        total += count < 2 ? NaN : squares === 0 ? Number(errors === 0) : 1 - errors / squares;
      }
      return total / columns;
    },
  });
}

type Four = [number, number, number, number];
