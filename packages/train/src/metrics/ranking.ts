// Metrics of rankings: whether the scores of positive targets are above those of negative ones. They need all scores,
// which stay on their device until the result is read.
import {
  ArgumentError,
  cast,
  concat,
  IndexError,
  onesLike,
  reshape,
  ShapeError,
  softmax,
  stack,
  transpose,
  type Tensor,
} from "@weft/tensor";
import { boolean, inFloats, int32, readOptions, sameShape, type OptionKinds } from "@weft/tensor/internals";
import { metricOf, noLabel, type Batch, type Metric } from "./metric.ts";

export interface RankingOptions {
  /** Targets that do not count. */
  readonly ignoreIndex?: number;
  /** Whether scores of several classes are logits, of which the softmax is taken (false: they are probabilities). */
  readonly logits?: boolean;
}

const kinds: OptionKinds<RankingOptions> = { ignoreIndex: int32, logits: boolean };

/** How many targets with one score are positive and negative. */
interface Tied {
  readonly positive: number;
  readonly negative: number;
}

/** The scores of a batch, a row for each class; one row of scores of the class that is not 0. */
function scoresOf(op: string, { y, target }: Batch, logits: boolean): readonly Tensor[] {
  const scores = inFloats(y);
  if (sameShape(scores.shape, target.shape) || sameShape(scores.shape, [...target.shape, 1]))
    return [reshape(scores, [-1])];
  const [rows, classes = 0] = scores.shape;
  if (scores.shape.length !== 2 || !sameShape(target.shape, [rows!]) || classes < 2)
    throw new ShapeError(
      `${op}: wanted a score for each target, or probabilities [N, C] of classes for labels [N], ` +
        `got [${scores.shape}] for [${target.shape}]`,
    );
  const columns = transpose(logits ? softmax(scores, { axis: 1 }) : scores);
  return Array.from({ length: classes }, (_, k) => columns.at(k));
}

/** Equal scores together, highest first: how many of the targets are `positive`. */
function rankingOf(
  among: readonly number[],
  score: (i: number) => number,
  positive: (i: number) => boolean,
): readonly Tied[] {
  const order = among.toSorted((i, j) => (score(i) === score(j) ? 0 : score(j) > score(i) ? 1 : -1));
  const ranking: { positive: number; negative: number }[] = [];
  let last: number | undefined;
  for (const i of order) {
    if (score(i) !== last) ranking.push({ positive: 0, negative: 0 });
    last = score(i);
    ranking.at(-1)![positive(i) ? "positive" : "negative"]++;
  }
  return ranking;
}

/** A metric of the targets in the order of their scores; of several classes the mean of each one against the rest. */
function rankingMetric(
  op: string,
  options: RankingOptions | undefined,
  of: (ranking: readonly Tied[]) => number,
): Metric {
  const { ignoreIndex, logits } = readOptions(op, options, kinds, { logits: false });
  let classes = 1;
  return metricOf(op, ignoreIndex, {
    mode: "max",
    /** Rows: the scores of each class, targets, and whether they count. */
    part(batch) {
      const scores = scoresOf(op, batch, logits);
      const [{ dtype }] = scores as [Tensor];
      const row = (x: Tensor): Tensor => reshape(cast(x, dtype), [-1]);
      classes = scores.length;
      return stack([...scores, row(batch.target), row(batch.counts ?? onesLike(batch.target))]);
    },
    merge: (a, b) => concat([a, b], { axis: 1 }),
    result(numbers) {
      const count = numbers.length / (classes + 2);
      const at = (row: number, i: number): number => numbers[row * count + i]!;
      const among = Array.from({ length: count }, (_, i) => i).filter((i) => at(classes + 1, i) !== 0);
      const each = Array.from({ length: classes }, (_, k) => k);
      const wrong = among.map((i) => at(classes, i)).find((label) => label !== 0 && label !== 1);
      if (classes === 1 && wrong !== undefined) throw noLabel(op, wrong);
      if (among.some((i) => each.some((k) => Number.isNaN(at(k, i))))) return NaN;
      if (classes === 1) return of(rankingOf(among, (i) => at(0, i), (i) => at(1, i) !== 0)); // prettier-ignore
      for (const i of among) {
        const label = at(classes, i);
        if (!(Number.isInteger(label) && label >= 0 && label < classes))
          throw new IndexError(`${op}: the label is ${label}, and there are ${classes} classes`);
        const sum = each.reduce((total, k) => total + at(k, i), 0);
        if (!(Math.abs(sum - 1) < 0.01))
          throw new ArgumentError(
            `${op}: wanted probabilities of ${classes} classes, which add up to 1, got some that add up to ${sum}. ` +
              "Of logits, pass { logits: true }",
          );
      }
      const against = (k: number): number => of(rankingOf(among, (i) => at(k, i), (i) => at(classes, i) === k)); // prettier-ignore
      return classes === 2 ? against(1) : each.reduce((total, k) => total + against(k), 0) / classes;
    },
  });
}

/**
 * The area under the ROC curve: the probability that a positive target (1) has a higher score than a negative one (0),
 * where a tie counts half. Scores have the shape of the targets, or `[N, 1]`; logits and probabilities give the same.
 * NaN if there are only targets of one class, or if a score is NaN. It keeps all scores until `reset`.
 *
 * Of classes, scores are probabilities `[N, C]` for labels `[N]`, or with `{ logits: true }` logits: of two those of class
 * 1 count, of more it is the mean over all classes of each against the rest, NaN if one of them is no target.
 *
 * Errors: ArgumentError, where the result is read, for scores of classes that do not add up to 1; IndexError for a label
 * that is no class.
 *
 * Source: scikit-learn's `roc_auc_score`, for more than two classes with `multi_class="ovr"`.
 *
 * @example
 * const auc = metrics.auc();
 * auc.update(tensor([0.1, 0.4, 0.35, 0.8]), tensor([0, 0, 1, 1], { dtype: "i32" }));
 * await auc.result(); // 0.75
 *
 * @example
 * const auc = metrics.auc({ logits: true });
 * auc.update(tensor([[2, 0, 0], [0, 2, 0], [0, 1, 3], [2, 0, 1]]), tensor([0, 1, 2, 1], { dtype: "i32" }));
 * await auc.result(); // 0.8333333333333334
 */
export function auc(options?: RankingOptions): Metric {
  return rankingMetric("auc", options, (ranking) => {
    let above = 0;
    let pairs = 0;
    let negatives = 0;
    for (const { positive, negative } of ranking) {
      pairs += negative * (above + positive / 2);
      above += positive;
      negatives += negative;
    }
    return pairs / (above * negatives);
  });
}

/**
 * The average precision: the precision at each score, weighted by how much recall grows there. 0 if no target is
 * positive, NaN if a score is NaN. It keeps all scores until `reset`. Scores of classes are as for `auc`.
 *
 * Source: scikit-learn's `average_precision_score`.
 *
 * @example
 * const precision = metrics.averagePrecision();
 * precision.update(tensor([0.1, 0.4, 0.35, 0.8]), tensor([0, 0, 1, 1], { dtype: "i32" }));
 * await precision.result(); // 0.8333333333333333
 */
export function averagePrecision(options?: RankingOptions): Metric {
  return rankingMetric("averagePrecision", options, (ranking) => {
    let right = 0;
    let seen = 0;
    let total = 0;
    for (const { positive, negative } of ranking) {
      right += positive;
      seen += positive + negative;
      total += (positive * right) / seen;
    }
    return right === 0 ? 0 : total / right;
  });
}
