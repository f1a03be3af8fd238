// Metrics of classes, from counts of labels and predictions per class.
import { add, cast, concat, equal, mul, reshape, scatterAdd, take, where } from "@weft/tensor";
import type { Tensor } from "@weft/tensor";
import { ArgumentError } from "@weft/tensor";
import {
  filled,
  finiteNumber,
  inNameOf,
  int32,
  iota,
  oneOf,
  positiveCount,
  readOptions,
  type OptionKinds,
} from "@weft/tensor/internals";
import { metricOf, type Batch, type Metric } from "./metric.ts";
import { labelsOf, predicted, wrongLabels } from "./right.ts";

export interface ClassOptions {
  /** The number of classes, where the predictions are labels (2). Scores show it. */
  readonly classes?: number;
  /** Targets that do not count. */
  readonly ignoreIndex?: number;
  /** Above it a single number means class 1 (0.5; for logits, 0). */
  readonly threshold?: number;
}

/** How classes are combined into one number. */
export type Average = "binary" | "micro" | "macro" | "weighted";

export interface AverageOptions extends ClassOptions {
  /**
   * "binary": class 1 of two (the default for two classes). "macro": the mean over all classes (the default for more).
   * "weighted": the mean weighted by how often each class is a target. "micro": from the counts of all classes together.
   * "none": the numbers of all classes, as a list.
   */
  readonly average?: Average | "none";
}

/** Options with which there is a number for each class. */
export type PerClass = AverageOptions & { readonly average: "none" };
/** Options with which there is one number. */
export type Averaged = AverageOptions & { readonly average?: Average | undefined };

const kinds: OptionKinds<ClassOptions> = { classes: positiveCount, ignoreIndex: int32, threshold: finiteNumber };
const averageKinds: OptionKinds<AverageOptions> = {
  ...kinds,
  average: oneOf("binary", "micro", "macro", "weighted", "none"),
};

/** Labels, predictions, and 1 for those that count, as vectors; and the number of classes. */
interface Counted {
  readonly labels: Tensor;
  readonly guesses: Tensor;
  readonly ones: Tensor | number;
  readonly classes: number;
}

function counted(op: string, batch: Batch, options: ClassOptions): Counted {
  const { labels: said, classes } = predicted(op, batch, options.threshold ?? 0.5);
  if (classes !== undefined && options.classes !== undefined && classes !== options.classes)
    throw new ArgumentError(`${op}: { classes: ${options.classes} }, but the predictions are of ${classes}`);
  const { counts } = batch;
  const flat = (x: Tensor): Tensor => reshape(x, [-1]);
  return {
    labels: flat(labelsOf(batch)),
    guesses: flat(counts === undefined ? said : where(counts, said, 0)),
    ones: counts === undefined ? 1 : flat(cast(counts, "i32")),
    classes: classes ?? options.classes ?? 2,
  };
}

/** A part of a metric whose errors name the metric, and the label that is outside of the classes. */
const labeled =
  (op: string, part: (batch: Batch) => Tensor) =>
  (batch: Batch): Tensor =>
    inNameOf(op, () => part(batch), true);

/** The sums of `ones` per place, of so many places. */
const sums = (places: Tensor, ones: Tensor | number, length: number): Tensor =>
  scatterAdd(filled(places, 0, [length], "i32"), places, ones);

/** Counts of one class: predicted and right, predicted, and targets. */
type Counts = readonly [right: number, predicted: number, targets: number];

/** A quotient of counts; 0 of 0 is 0. */
const share = (part: number, of: number): number => (of === 0 ? 0 : part / of);

const added = (all: readonly Counts[]): Counts =>
  all.reduce(([a, b, c], [d, e, f]) => [a + d, b + e, c + f] as const, [0, 0, 0] as Counts);

/** How the classes' counts give one number. */
const averages: Record<Average, (of: (counts: Counts) => number, all: readonly Counts[]) => number> = {
  binary: (of, all) => of(all[1] ?? [0, 0, 0]),
  micro: (of, all) => of(added(all)),
  macro: (of, all) => all.reduce((total, one) => total + of(one), 0) / all.length,
  weighted: (of, all) =>
    share(
      all.reduce((total, one) => total + one[2] * of(one), 0),
      added(all)[2],
    ),
};

/** A metric from the counts of each class. */
function classMetric<R>(op: string, options: AverageOptions | undefined, of: (counts: Counts) => number): Metric<R> {
  const read = readOptions(op, options, averageKinds, {});
  return metricOf<number | number[]>(op, read.ignoreIndex, {
    mode: "max",
    wrong: wrongLabels(op),
    part: labeled(op, (batch) => {
      const { labels, guesses, ones, classes } = counted(op, batch, read);
      if (read.average === "binary" && classes !== 2)
        throw new ArgumentError(
          `${op}: { average: "binary" } is for 2 classes, not ${classes}; use "macro", "micro" or "none"`,
        );
      const right = mul(cast(equal(labels, guesses), "i32"), ones);
      return concat([sums(labels, right, classes), sums(guesses, ones, classes), sums(labels, ones, classes)]);
    }),
    merge: (a, b) => add(a, b),
    result(numbers) {
      const classes = numbers.length / 3;
      if (classes === 0) return read.average === "none" ? [] : 0;
      const all = Array.from({ length: classes }, (_, k): Counts => {
        return [numbers[k]!, numbers[classes + k]!, numbers[2 * classes + k]!];
      });
      const average = read.average ?? (classes === 2 ? "binary" : "macro");
      return average === "none" ? all.map(of) : averages[average](of, all);
    },
  }) as Metric<R>;
}

/**
 * The share of predictions of a class that are right, TP / (TP + FP), averaged over classes. Predictions are as for
 * `accuracy`. A class that is never predicted has precision 0 and counts as the others do.
 *
 * Source: scikit-learn's `precision_score` with all `labels` and `zero_division=0`.
 *
 * @example
 * const precision = metrics.precision();
 * precision.update(tensor([0.9, 0.8, 0.1]), tensor([1, 0, 1], { dtype: "i32" }));
 * await precision.result(); // 0.5
 *
 * @example
 * const each = metrics.precision({ average: "none" });
 * each.update(tensor([0.9, 0.8, 0.1]), tensor([1, 0, 1], { dtype: "i32" }));
 * await each.result(); // [0, 0.5]
 */
export function precision(options: PerClass): Metric<number[]>;
export function precision(options?: Averaged): Metric;
export function precision(options?: AverageOptions): Metric<number | number[]> {
  return classMetric("precision", options, ([right, said]) => share(right, said));
}

/**
 * The share of targets of a class that are predicted, TP / (TP + FN), averaged over classes. A class that is no target
 * has recall 0 and counts as the others do.
 *
 * Source: scikit-learn's `recall_score` with all `labels` and `zero_division=0`.
 *
 * @example
 * const recall = metrics.recall({ average: "macro" });
 * recall.update(tensor([0.9, 0.8, 0.1]), tensor([1, 0, 1], { dtype: "i32" }));
 * await recall.result(); // 0.25
 */
export function recall(options: PerClass): Metric<number[]>;
export function recall(options?: Averaged): Metric;
export function recall(options?: AverageOptions): Metric<number | number[]> {
  return classMetric("recall", options, ([right, , targets]) => share(right, targets));
}

/**
 * The harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN), averaged over classes. A class that is neither
 * predicted nor a target has 0 and counts as the others do.
 *
 * Source: scikit-learn's `f1_score` with all `labels` and `zero_division=0`.
 *
 * @example
 * const f1 = metrics.f1({ average: "micro", classes: 3 });
 * f1.update(tensor([0, 2, 1], { dtype: "i32" }), tensor([0, 1, 1], { dtype: "i32" }));
 * await f1.result(); // 0.6666666666666666
 */
export function f1(options: PerClass): Metric<number[]>;
export function f1(options?: Averaged): Metric;
export function f1(options?: AverageOptions): Metric<number | number[]> {
  return classMetric("f1", options, ([right, said, targets]) => share(2 * right, said + targets));
}

/**
 * How often each label (row) is predicted as each class (column). Predictions are as for `accuracy`.
 *
 * @example
 * const confusion = metrics.confusionMatrix();
 * confusion.update(tensor([[2, 1], [2, 1], [0, 3]]), tensor([0, 1, 1], { dtype: "i32" }));
 * await confusion.result(); // [[1, 0], [1, 1]]
 */
export function confusionMatrix(options?: ClassOptions): Metric<number[][]> {
  const op = "confusionMatrix";
  const read = readOptions(op, options, kinds, {});
  return metricOf(op, read.ignoreIndex, {
    wrong: wrongLabels(op),
    part: labeled(op, (batch) => {
      const { labels, guesses, ones, classes } = counted(op, batch, read);
      // Taken, so that a label out of range is an IndexError that says which.
      const numbers = iota(labels, [classes], 0);
      const rows = take(mul(numbers, classes), labels);
      return sums(add(rows, take(numbers, guesses)), ones, classes * classes);
    }),
    merge: (a, b) => add(a, b),
    result(counts) {
      const numbers = Array.from(counts);
      const classes = Math.sqrt(numbers.length);
      return Array.from({ length: classes }, (_, k) => numbers.slice(k * classes, (k + 1) * classes));
    },
  });
}
