// Losses: how far predictions are from their targets, as one number or one per row. Definitions are PyTorch's.
import {
  abs,
  add,
  argmax,
  ArgumentError,
  cast,
  crossEntropyRows,
  div,
  DTypeError,
  equal,
  gather,
  lessEqual,
  logSoftmax,
  maximum,
  mean,
  mul,
  neg,
  not,
  notEqual,
  permute,
  readTensors,
  reshape,
  ShapeError,
  softplus,
  source,
  square,
  sub,
  sum,
  take,
  where,
  type Operand,
  type Shape,
  type Tensor,
  type Value,
} from "@weft/tensor";
import {
  floating,
  fraction,
  inDType,
  inNameOf,
  int32,
  isFloat,
  oneOf,
  positive,
  readOptions,
  type OptionKinds,
  sameShape,
} from "@weft/tensor/internals";

/** How the losses of rows or elements are combined: their mean, their sum, or not at all. */
export type Reduction = "mean" | "sum" | "none";

export interface LossOptions {
  readonly reduction?: Reduction;
}

export interface LabelOptions extends LossOptions {
  /** Rows with this label are left out of the loss and of the mean. None by default. */
  readonly ignoreIndex?: number;
}

export interface CrossEntropyOptions extends LabelOptions {
  /** How much of each row's weight is spread evenly over all classes. */
  readonly labelSmoothing?: number;
}

const text = (shape: Shape): string => `[${shape.join(", ")}]`;

const reductions: Record<Reduction, (x: Tensor) => Tensor> = {
  mean: (x) => mean(x),
  sum: (x) => sum(x),
  none: (x) => x,
};

const lossKinds: OptionKinds<LossOptions> = { reduction: oneOf("mean", "sum", "none") };
const labelKinds: OptionKinds<LabelOptions> = { ...lossKinds, ignoreIndex: int32 };

const reduced = (op: string, x: Tensor, options: LossOptions | undefined): Tensor =>
  reductions[readOptions(op, options, lossKinds, { reduction: "mean" }).reduction](x);

/** Scores as rows `[rows, classes]`: the class axis is axis 1, or the only axis. */
function classRows(x: Tensor): Tensor {
  const { shape } = x;
  if (shape.length === 2) return x;
  if (shape.length < 2) return reshape(x, [1, shape[0] ?? 1]);
  const last = shape.map((_, axis) => axis).filter((axis) => axis !== 1);
  return reshape(permute(x, [...last, 1]), [-1, shape[1]!]);
}

/** Whether a shape equals that of the scores without their class axis. */
function isPerRow(shape: Shape, scores: Shape): boolean {
  if (shape.length !== scores.length - 1) return false;
  for (let i = 0; i < shape.length; i++) if (shape[i] !== scores[i === 0 ? 0 : i + 1]) return false;
  return true;
}

/** Checks that class numbers are integers, in the shape of the scores without their class axis. */
function checkLabels(op: string, scores: Tensor, labels: Tensor): void {
  const { shape, dtype } = labels;
  if (!isFloat(dtype) && isPerRow(shape, scores.shape)) return;
  const wanted = scores.shape.filter((_, axis) => axis !== (scores.shape.length === 1 ? 0 : 1));
  if (scores.shape.length === 0) throw new ShapeError(`${op}: wanted scores with a class axis, got shape []`);
  if (isFloat(dtype))
    throw new DTypeError(
      `${op}: labels are class numbers of shape ${text(wanted)} and dtype i32, got ${dtype}${text(shape)}`,
    );
  const rest = scores.shape.slice(0, -1);
  const last = shape.length > 1 && sameShape(shape, rest);
  const classes = scores.shape.at(-1);
  const hint = last
    ? `. Classes are axis 1, and here they are the last: reshape(scores, [-1, ${classes}]) and reshape(labels, [-1])`
    : "";
  throw new ShapeError(`${op}: scores ${text(scores.shape)} want labels ${text(wanted)}, got ${text(shape)}${hint}`);
}

/** The losses of rows, in the labels' shape or reduced; the mean is over the rows that are not ignored. */
function collected(op: string, rows: Tensor, labels: Tensor, options: LabelOptions): Tensor {
  const { ignoreIndex, reduction = "mean" } = options;
  if (reduction === "none") return reshape(rows, labels.shape);
  if (reduction !== "mean" || ignoreIndex === undefined) return reductions[reduction](rows);
  const counted = sum(inDType(notEqual(inDType(labels, "i32"), ignoreIndex), rows.dtype));
  // The mean of nothing is NaN, but its gradient is 0.
  return where(equal(counted, 0), NaN, div(sum(rows), maximum(counted, 1)));
}

const crossEntropyKinds: OptionKinds<CrossEntropyOptions> = { ...labelKinds, labelSmoothing: fraction };

/**
 * The cross-entropy of unnormalized scores: −log softmax(logits)[label], averaged over the rows.
 *
 * `logits` are `[N, C]`, `[C]` or `[N, C, …]`; `labels` are class numbers from 0 without the class axis, or
 * probabilities with the shape of the logits. With `labelSmoothing` ε the target is (1 − ε) · label + ε / C. With
 * `ignoreIndex` the mean is over the other rows. Throws a ShapeError if the shapes do not fit; a label out of range
 * throws an IndexError at each read. Like PyTorch's `cross_entropy`, except that nothing is ignored by default.
 *
 * @example
 * const loss = crossEntropy(matmul(x, w), y);
 */
export function crossEntropy(logits: Operand, labels: Operand, options?: CrossEntropyOptions): Tensor {
  const read = readOptions("crossEntropy", options, crossEntropyKinds, { labelSmoothing: 0 });
  const [scores, target] = readTensors("crossEntropy", [logits, labels]);
  const { labelSmoothing, ignoreIndex } = read;
  if (scores.shape.length > 0 && isFloat(target.dtype) && sameShape(target.shape, scores.shape))
    return inNameOf("crossEntropy", () => likelihood(scores, target, labelSmoothing, read));
  checkLabels("crossEntropy", scores, target);
  const rows = crossEntropyRows(classRows(scores), target.shape.length === 1 ? target : reshape(target, [-1]), {
    ignoreIndex,
    labelSmoothing,
  });
  return collected("crossEntropy", rows, target, read);
}

/** Cross-entropy where the labels are probabilities. */
function likelihood(scores: Tensor, target: Tensor, smoothing: number, options: CrossEntropyOptions): Tensor {
  const { ignoreIndex, reduction = "mean" } = options;
  if (ignoreIndex !== undefined)
    throw new ArgumentError("crossEntropy: ignoreIndex names a class number, but the labels are probabilities");
  const axis = scores.shape.length === 1 ? 0 : 1;
  const smooth = smoothing === 0 ? target : add(mul(target, 1 - smoothing), smoothing / scores.shape[axis]!);
  return reduced("crossEntropy", neg(sum(mul(smooth, logSoftmax(scores, { axis })), { axis })), { reduction });
}

/**
 * The negative log-likelihood of log-probabilities: −logp[label], averaged over the rows. Shapes, `ignoreIndex` and
 * errors as in `crossEntropy`, which takes scores instead (and is what Knet calls `nll`). Like PyTorch's `nll_loss`.
 *
 * @example
 * const loss = nll(logSoftmax(scores), y);
 */
export function nll(logProbabilities: Operand, labels: Operand, options?: LabelOptions): Tensor {
  const read = readOptions("nll", options, labelKinds, {});
  const [logp, target] = readTensors("nll", [logProbabilities, labels]);
  checkLabels("nll", logp, target);
  const { ignoreIndex } = read;
  const numbers = reshape(cast(target, "i32"), [-1, 1]);
  const ignored = ignoreIndex === undefined ? undefined : equal(numbers, ignoreIndex);
  const chosen = ignored === undefined ? numbers : where(ignored, 0, numbers);
  const picked = inNameOf("nll", () => gather(classRows(logp), chosen, { axis: 1 }), true);
  const rows = neg(reshape(picked, [-1]));
  return collected("nll", ignored === undefined ? rows : where(reshape(ignored, [-1]), 0, rows), target, read);
}

/**
 * Two operands of one shape, as floats. Broadcasting `[N, 1]` against `[N]` would give a silently wrong loss, and so
 * would integers, whose differences and squares can overflow.
 */
function pair(op: string, x: Operand, y: Operand): readonly [Value, Value] {
  const a = floating(x, op, undefined, y);
  const b = floating(y, op, undefined, a);
  if (typeof a === "number" && typeof b === "number")
    throw new ArgumentError(`${op}: wanted a tensor as predictions or targets, got two numbers`);
  if (typeof a === "number" || typeof b === "number") return [a, b];
  if (!sameShape(a.shape, b.shape))
    throw new ShapeError(`${op}: predictions ${text(a.shape)} and targets ${text(b.shape)} differ; reshape one`);
  return [a, b];
}

/**
 * Binary cross-entropy of scores: log(1 + eˣ) − x · target, averaged over the elements. Targets lie between 0 and 1 and
 * have the shape of x. Like PyTorch's `binary_cross_entropy_with_logits`.
 *
 * @example
 * const loss = bceWithLogits(scores, labels);
 */
export function bceWithLogits(x: Operand, target: Operand, options?: LossOptions): Tensor {
  const [a, b] = pair("bceWithLogits", x, target);
  return inNameOf("bceWithLogits", () => reduced("bceWithLogits", sub(softplus(a), mul(a, b)), options));
}

/**
 * The mean squared error: (x − y)², averaged over the elements. Shapes must be equal. Like PyTorch's `mse_loss`.
 *
 * @example
 * const loss = mse(predict(x), y);
 */
export function mse(x: Operand, y: Operand, options?: LossOptions): Tensor {
  return inNameOf("mse", () => reduced("mse", square(sub(...pair("mse", x, y))), options));
}

/**
 * The mean absolute error: |x − y|, averaged over the elements. Shapes must be equal. Like PyTorch's `l1_loss`.
 *
 * @example
 * mae(tensor([1, 4]), tensor([2, 2])); // 1.5
 */
export function mae(x: Operand, y: Operand, options?: LossOptions): Tensor {
  return inNameOf("mae", () => reduced("mae", abs(sub(...pair("mae", x, y))), options));
}

/**
 * Huber's loss: d² / 2 where |d| ≤ delta, else delta · (|d| − delta / 2), for d = x − y, averaged over the elements.
 * Shapes must be equal. Like PyTorch's `huber_loss` (Huber 1964).
 *
 * @example
 * huber(tensor([0, 3]), tensor([0, 1])); // 0.75
 */
export function huber(x: Operand, y: Operand, options?: LossOptions & { readonly delta?: number }): Tensor {
  const known = { ...lossKinds, delta: positive };
  const { delta, reduction } = readOptions("huber", options, known, { delta: 1, reduction: "mean" });
  return inNameOf("huber", () => {
    const d = sub(...pair("huber", x, y));
    const size = abs(d);
    const each = where(lessEqual(size, delta), mul(square(d), 0.5), mul(sub(size, delta / 2), delta));
    return reduced("huber", each, { reduction });
  });
}

/**
 * The fraction of rows whose highest score is at the label, as a tensor. Shapes and `ignoreIndex` as in `crossEntropy`.
 *
 * @example
 * console.log(await accuracy(model(x), y).item());
 */
export function accuracy(logits: Operand, labels: Operand, options?: Pick<LabelOptions, "ignoreIndex">): Tensor {
  const { ignoreIndex } = readOptions("accuracy", options, { ignoreIndex: int32 }, {});
  const [scores, target] = readTensors("accuracy", [logits, labels]);
  checkLabels("accuracy", scores, target);
  const axis = scores.shape.length === 1 ? 0 : 1;
  const numbers = cast(target, "i32");
  const ignored = ignoreIndex === undefined ? undefined : equal(numbers, ignoreIndex);
  // Looked up among the classes, so that a label out of range throws an IndexError, as in `crossEntropy`.
  const classes = source(scores.backend, "iota", [], { shape: [scores.shape[axis]!], axis: 0, dtype: "i32" });
  const chosen = ignored === undefined ? numbers : where(ignored, 0, numbers);
  const wanted = inNameOf("accuracy", () => take(classes, chosen), true);
  const right = cast(equal(argmax(scores, { axis }), wanted), "f32");
  if (ignored === undefined) return mean(right);
  const counted = cast(not(ignored), "f32");
  return div(sum(mul(right, counted)), sum(counted));
}
