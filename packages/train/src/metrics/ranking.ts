// Metrics of rankings: whether the scores of positive targets are above those of negative ones. They need all scores,
// which stay on their device until the result is read.
import { cast, concat, onesLike, ShapeError, stack, reshape, type Tensor } from "@weft/tensor";
import { inFloats, int32, readOptions, sameShape, type OptionKinds } from "@weft/tensor/internals";
import { metricOf, type Metric } from "./metric.ts";

export interface RankingOptions {
  /** Targets that do not count. */
  readonly ignoreIndex?: number;
}

const kinds: OptionKinds<RankingOptions> = { ignoreIndex: int32 };

/** How many targets with one score are positive and negative. */
interface Tied {
  readonly positive: number;
  readonly negative: number;
}

/** A metric of the targets in the order of their scores, highest first, equal ones together. */
function rankingMetric(
  op: string,
  options: RankingOptions | undefined,
  of: (ranking: readonly Tied[]) => number,
): Metric {
  const { ignoreIndex } = readOptions(op, options, kinds, {});
  return metricOf(op, ignoreIndex, {
    /** Rows: scores, targets, and whether they count. */
    part({ y, target, counts }) {
      const scores = inFloats(y);
      if (!sameShape(scores.shape, target.shape) && !sameShape(scores.shape, [...target.shape, 1]))
        throw new ShapeError(
          `${op}: wanted a score for each target, got [${scores.shape}] for [${target.shape}]; ` +
            "of scores [N, 2] take those of class 1",
        );
      const row = (x: Tensor): Tensor => reshape(cast(x, scores.dtype), [-1]);
      return stack([row(scores), row(target), row(counts ?? onesLike(target))]);
    },
    merge: (a, b) => concat([a, b], { axis: 1 }),
    result(numbers) {
      const count = numbers.length / 3;
      const among = Array.from({ length: count }, (_, i) => i).filter((i) => numbers[2 * count + i] !== 0);
      if (among.some((i) => Number.isNaN(numbers[i]))) return NaN;
      const order = among.toSorted((i, j) => (numbers[i] === numbers[j] ? 0 : numbers[j]! > numbers[i]! ? 1 : -1));
      const ranking: { positive: number; negative: number }[] = [];
      let last: number | undefined;
      for (const i of order) {
        if (numbers[i] !== last) ranking.push({ positive: 0, negative: 0 });
        last = numbers[i];
        ranking.at(-1)![numbers[count + i] === 0 ? "negative" : "positive"]++;
      }
      return of(ranking);
    },
  });
}

/**
 * The area under the ROC curve: the probability that a positive target (not 0) has a higher score than a negative one,
 * where a tie counts half. Scores have the shape of the targets, or `[N, 1]`; logits and probabilities give the same.
 * NaN if there are only targets of one class, or if a score is NaN. It keeps all scores until `reset`.
 *
 * Source: scikit-learn's `roc_auc_score`.
 *
 * @example
 * const auc = metrics.auc();
 * auc.update(tensor([0.1, 0.4, 0.35, 0.8]), tensor([0, 0, 1, 1], { dtype: "i32" }));
 * await auc.result(); // 0.75
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
 * positive, NaN if a score is NaN. It keeps all scores until `reset`.
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
