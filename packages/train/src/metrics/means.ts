// Metrics that are means: of a number per target, over all targets that count.
import { rowsOf } from "../rows.ts";
import { accuracyKinds, labelsOf, rightOnes, wrongLabels, type AccuracyOptions } from "./right.ts";
import { crossEntropy as lossOf, mae, mse } from "@weft/nn";
import {
  add,
  cast,
  concat,
  isTensor,
  mul,
  readTensor,
  reshape,
  sum,
  where,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import { callable, filled, inFloats, inNameOf, int32, readOptions, readValue, untaped } from "@weft/tensor/internals";
import type { Mode } from "../steps.ts";
import { batchOf, collecting, maskOf, metricOf, type Batch, type Metric } from "./metric.ts";

export interface IgnoreOptions {
  /** Targets that do not count. */
  readonly ignoreIndex?: number;
}

interface MeanOptions extends IgnoreOptions {
  readonly finish?: (mean: number) => number;
  /** Whether targets are labels. */
  readonly labels?: boolean;
  readonly mode?: Mode;
}

/** The metric `finish(Σ values / count)` of the values that `valuesOf` gives, with the shape of the targets. */
function meanOf(
  op: string,
  valuesOf: (batch: Batch) => Tensor,
  { ignoreIndex, finish = (mean) => mean, labels = false, mode }: MeanOptions = {},
): Metric {
  return metricOf(op, ignoreIndex, {
    mode,
    ...(labels && { wrong: wrongLabels(op) }),
    part: (batch) => sumsOf(valuesOf(batch), batch.counts),
    merge: (a, b) => add(a, b),
    result: (numbers) => finish(quotient(numbers)),
  });
}

/** The sum of the values that count, and how many these are. */
function sumsOf(given: Tensor, counts: Tensor | undefined): Tensor {
  const values = inFloats(given);
  const number = counts === undefined ? undefined : sum(cast(counts, values.dtype));
  const total = sum(counts === undefined ? values : where(counts, values, 0));
  return concat([reshape(total, [1]), number === undefined ? filled(values, values.size, [1]) : reshape(number, [1])]);
}

/** What the sums of all batches give. */
function quotient(sums: ArrayLike<number>): number {
  const [total = 0, count = 0] = Array.from(sums);
  return total / count;
}

/**
 * The share of targets that are predicted. Predictions are scores `[N, C, …]` for labels `[N, …]`, of which the highest
 * counts (with `topK`, the k highest; of equal ones the first); or labels; or numbers of two classes, with the shape of
 * the targets or `[N, 1]`, that mean 1 above `threshold` (0.5; for logits, 0). A score that is NaN counts as the
 * highest, and is never right. NaN without targets.
 *
 * Errors: IndexError, where the result is read, for a target that is no label: of two classes 0 or 1.
 *
 * Source: scikit-learn's `accuracy_score`, `top_k_accuracy_score`.
 *
 * @example
 * const accuracy = metrics.accuracy();
 * accuracy.update(tensor([[0.2, 0.8], [0.9, 0.1]]), tensor([1, 1], { dtype: "i32" }));
 * await accuracy.result(); // 0.5
 */
export function accuracy(options?: AccuracyOptions): Metric {
  const read = readOptions("accuracy", options, accuracyKinds, { topK: 1, threshold: 0.5 });
  return meanOf("accuracy", (batch) => inNameOf("accuracy", () => rightOnes("accuracy", batch, read), true), {
    ...read,
    labels: true,
    mode: "max",
  });
}

/**
 * The mean cross-entropy of logits `[N, C, …]` for labels `[N, …]`, over all labels that count: in nats, −log p of each.
 *
 * @example
 * const surprise = metrics.crossEntropy({ ignoreIndex: -1 });
 * surprise.update(tensor([[0, 0], [5, 0]]), tensor([1, -1], { dtype: "i32" }));
 * await surprise.result(); // 0.693147180560
 */
export function crossEntropy(options?: IgnoreOptions): Metric {
  return surprise("crossEntropy", options);
}

/**
 * The exponential of the mean cross-entropy of logits `[N, C, …]` for labels `[N, …]`: how many equally likely classes
 * would be as hard to guess.
 *
 * @example
 * const perplexity = metrics.perplexity({ ignoreIndex: 0 });
 * perplexity.update(tensor([[1, 1, 1, 1]]), tensor([2], { dtype: "i32" }));
 * await perplexity.result(); // 4
 */
export function perplexity(options?: IgnoreOptions): Metric {
  return surprise("perplexity", options, Math.exp);
}

function surprise(op: string, options: IgnoreOptions | undefined, finish?: (mean: number) => number): Metric {
  const read = readOptions(op, options, { ignoreIndex: int32 }, {});
  const rows = (batch: Batch): Tensor =>
    inNameOf(op, () => lossOf(batch.y, labelsOf(batch), { reduction: "none" }), true);
  return meanOf(op, rows, { ...read, ...(finish && { finish }), labels: true, mode: "min" });
}

/**
 * The mean of |y − target| over all elements.
 *
 * @example
 * const error = metrics.meanAbsoluteError();
 * error.update(tensor([1, 2]), tensor([2, 4]));
 * await error.result(); // 1.5
 */
export function meanAbsoluteError(): Metric {
  return meanOf("meanAbsoluteError", ({ y, target }) => mae(y, target, { reduction: "none" }), { mode: "min" });
}

/**
 * The mean of (y − target)² over all elements.
 *
 * @example
 * const error = metrics.meanSquaredError();
 * error.update(tensor([1, 2]), tensor([2, 4]));
 * await error.result(); // 2.5
 */
export function meanSquaredError(): Metric {
  return meanOf("meanSquaredError", ({ y, target }) => mse(y, target, { reduction: "none" }), { mode: "min" });
}

const isArray = (x: unknown): x is Tensor | number => typeof x === "number" || isTensor(x);

/** What a function of a batch gave. */
interface Valued {
  readonly values: Tensor;
  readonly counts: Tensor | undefined;
  readonly rows: number;
}

/**
 * A metric of your own: the mean of what `values(y, target)` gives, a number per target. One number for a batch, such as
 * that of `mse`, is taken for the mean of its rows, so a batch counts by its rows, as in the loss of an epoch. Where
 * predictions and targets are tensors, they come as tensors without gradients; what else a model or a batch has, such as
 * several outputs, comes as it is.
 *
 * @example
 * const close = metrics.mean((y, target) => less(abs(sub(y, target)), 0.5));
 * close.update(tensor([1, 2]), tensor([1.2, 4]));
 * await close.result(); // 0.5
 */
export function mean(values: (y: Tensor, target: Tensor) => Operand): Metric;
export function mean<Y, Target>(values: (y: Y, target: Target) => Operand): Metric<number, Y, Target>;
export function mean<Y, Target>(
  values: (y: Y | Tensor, target: Target | Tensor) => Operand,
): Metric<number, Y, Target> {
  const op = "mean";
  readValue(op, "what is called", values, callable);
  const read = (y: Y, target: Target, mask?: Operand): Valued => {
    const rows = rowsOf([y, target]);
    if (isArray(y) && isArray(target)) {
      const batch = batchOf(op, y, target, mask);
      return { values: readTensor(values(batch.y, batch.target), op), counts: batch.counts, rows };
    }
    const found = untaped(readTensor(values(y, target), op));
    return { values: found, counts: mask === undefined ? undefined : maskOf(op, mask, found), rows };
  };
  const part = ({ values, counts, rows }: Valued): Tensor => {
    const sums = sumsOf(values, counts);
    return counts === undefined && values.size === 1 ? mul(sums, rows) : sums;
  };
  return collecting(op, { part, merge: (a, b) => add(a, b), result: quotient }, read);
}
