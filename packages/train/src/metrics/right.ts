// From predictions to labels: what a model says, and whether it is right.
import {
  add,
  argmax,
  and,
  cast,
  equal,
  floor,
  gather,
  greater,
  less,
  lessEqual,
  max,
  not,
  or,
  reshape,
  ShapeError,
  sum,
  unsqueeze,
  where,
  type Tensor,
} from "@weft/tensor";
import {
  finiteNumber,
  inFloats,
  int32,
  iota,
  isFloat,
  positiveCount,
  sameShape,
  type OptionKinds,
} from "@weft/tensor/internals";
import type { Batch } from "./metric.ts";

export interface AccuracyOptions {
  /** A target is right if it is among this many highest scores (1). */
  readonly topK?: number;
  /** Targets that do not count. */
  readonly ignoreIndex?: number;
  /** Above it a single number means class 1 (0.5). */
  readonly threshold?: number;
}

export const accuracyKinds: OptionKinds<AccuracyOptions> = {
  topK: positiveCount,
  ignoreIndex: int32,
  threshold: finiteNumber,
};

/** What predictions are: scores along axis 1 (or the only axis), labels, or one number for two classes. */
type Prediction = { readonly kind: "scores" | "labels" | "number"; readonly y: Tensor };

function predictionOf(op: string, { y, target }: Batch): Prediction {
  if (sameShape(y.shape, target.shape)) return { kind: isFloat(y.dtype) ? "number" : "labels", y };
  const axis = classAxis(y);
  const rest = y.shape.toSpliced(axis, 1);
  if (y.shape.length === 0 || !sameShape(rest, target.shape))
    throw new ShapeError(
      `${op}: wanted scores [N, C, …] for labels [N, …], or predictions with the shape of the targets, ` +
        `got [${y.shape}] and [${target.shape}]`,
    );
  return y.shape[axis] === 1 ? { kind: "number", y: reshape(y, target.shape) } : { kind: "scores", y };
}

const classAxis = (y: Tensor): number => (y.shape.length === 1 ? 0 : 1);

/** The labels that are predicted, i32 with the shape of the targets, and how many classes there are, if that is known. */
export function predicted(
  op: string,
  batch: Batch,
  threshold: number,
): { labels: Tensor; classes: number | undefined } {
  const { kind, y } = predictionOf(op, batch);
  if (kind === "labels") return { labels: cast(y, "i32"), classes: undefined };
  if (kind === "number") return { labels: cast(greater(y, threshold), "i32"), classes: 2 };
  const axis = classAxis(y);
  return { labels: argmax(y, { axis }), classes: y.shape[axis]! };
}

/** The labels of a batch as i32. Those that do not count are 0, which is a class. */
export function labelsOf({ target, counts }: Batch): Tensor {
  const labels = cast(target, "i32");
  return counts === undefined ? labels : where(counts, labels, 0);
}

/** What finds a target that is no label: see `metricOf`. Whole numbers beyond the classes are found as wrong indices are. */
export function wrongLabels(op: string): (batch: Batch) => (() => Tensor) | undefined {
  return (batch) => {
    const { target, counts } = batch;
    const { kind } = predictionOf(op, batch);
    if (target.size === 0 || (kind !== "number" && !isFloat(target.dtype))) return undefined;
    return () => {
      const x = inFloats(target);
      const right = kind === "number" ? or(equal(x, 0), equal(x, 1)) : equal(x, floor(x));
      return max(where(counts === undefined ? right : or(right, not(counts)), -Infinity, x));
    };
  };
}

/** Whether each target is predicted. */
export function rightOnes(op: string, batch: Batch, { topK = 1, threshold = 0.5 }: AccuracyOptions): Tensor {
  const { kind, y } = predictionOf(op, batch);
  const labels = labelsOf(batch);
  if (kind === "labels") return equal(cast(y, "i32"), labels);
  if (kind === "number") return equal(cast(greater(y, threshold), "i32"), labels);
  const axis = classAxis(y);
  const places = unsqueeze(labels, axis);
  const own = gather(y, places, { axis });
  const shape = y.shape.map((d, k) => (k === axis ? d : 1));
  const classes = iota(y, shape, axis);
  // NaN is not lessEqual, so it comes before any number, and a label whose own score is NaN comes last.
  const before = add(cast(not(lessEqual(y, own)), "i32"), cast(and(equal(y, own), less(classes, places)), "i32"));
  return less(sum(before, { axis }), topK);
}
