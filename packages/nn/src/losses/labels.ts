// Losses: how far predictions are from their targets, as one number or one per row. Definitions are PyTorch's.
import {
  ArgumentError,
  DTypeError,
  ShapeError,
  add,
  argmax,
  cast,
  crossEntropyRows,
  div,
  equal,
  gather,
  logSoftmax,
  mean,
  mul,
  neg,
  notEqual,
  permute,
  readTensor,
  readTensors,
  reshape,
  sub,
  sum,
  take,
  where,
  type Operand,
  type Tensor,
  type Shape,
} from "@weft/tensor";
import {
  anything,
  fraction,
  inDType,
  inFloats,
  inNameOf,
  int32,
  iota,
  isFloat,
  readOptions,
  sameShape,
  text,
  type OptionKinds,
} from "@weft/tensor/internals";
import { type Data, type DataOptions, type Model, overData, type Totals } from "./over-data.ts";
import { lossKinds, type LossOptions, reductions } from "./reduction.ts";

export interface LabelOptions extends LossOptions {
  /** Rows with this label are left out of the loss and of the mean. None by default. */
  readonly ignoreIndex?: number;
}

export interface NllOptions extends LabelOptions {
  /** How much each class counts, `[C]`. The mean over rows is weighted, too: Σ wᵢ lᵢ / Σ wᵢ. */
  readonly weight?: Operand;
}

export interface CrossEntropyOptions extends NllOptions {
  /** How much of each row's weight is spread evenly over all classes. */
  readonly labelSmoothing?: number;
}

const labelKinds: OptionKinds<LabelOptions> = { ...lossKinds, ignoreIndex: int32 };
const nllKinds: OptionKinds<NllOptions> = { ...labelKinds, weight: anything };

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

/** Weights of classes, `[C]`, for rows of scores. */
export function classWeights(op: string, weight: Operand, rows: Tensor): Tensor {
  const w = inDType(readTensor(weight, op, rows), inFloats(rows).dtype);
  if (w.shape.length === 1 && w.shape[0] === rows.shape[1]) return w;
  throw new ShapeError(`${op}: wanted one weight per class, [${rows.shape[1]}], got ${text(w.shape)}`);
}

/** Labels as a vector of places that are safe to look up, and which of them are ignored. */
function placesOf(labels: Tensor, ignoreIndex: number | undefined): readonly [Tensor, Tensor | undefined] {
  const numbers = reshape(cast(labels, "i32"), [-1]);
  if (ignoreIndex === undefined) return [numbers, undefined];
  const ignored = equal(numbers, ignoreIndex);
  return [where(ignored, 0, numbers), ignored];
}

const unless = (ignored: Tensor | undefined, x: Tensor): Tensor => (ignored === undefined ? x : where(ignored, 0, x));

/**
 * The losses of rows, in the labels' shape or reduced; the mean is over the rows that are not ignored, by their weights.
 */
function collected(rows: Tensor, labels: Tensor, options: LabelOptions, weights?: Tensor): Tensor {
  const { ignoreIndex, reduction = "mean" } = options;
  if (reduction === "none") return reshape(rows, labels.shape);
  if (reduction !== "mean" || (ignoreIndex === undefined && weights === undefined)) return reductions[reduction](rows);
  const counted = sum(weights ?? inDType(notEqual(inDType(labels, "i32"), ignoreIndex!), rows.dtype));
  const none = equal(counted, 0);
  // The mean of nothing is NaN, but its gradient is 0.
  return where(none, NaN, div(sum(rows), where(none, 1, counted)));
}

const crossEntropyKinds: OptionKinds<CrossEntropyOptions> = { ...nllKinds, labelSmoothing: fraction };

/**
 * The cross-entropy of unnormalized scores: −log softmax(logits)[label], averaged over the rows.
 *
 * `logits` are `[N, C]`, `[C]` or `[N, C, …]`; `labels` are class numbers from 0 without the class axis, or
 * probabilities with the shape of the logits. With `labelSmoothing` ε the target is (1 − ε) · label + ε / C. With
 * `ignoreIndex` the mean is over the other rows. With `weight` each class counts as much as its weight says. Throws a
 * ShapeError if the shapes do not fit; a label out of range throws an IndexError at each read. Like PyTorch's
 * `cross_entropy`, except that nothing is ignored by default.
 *
 * @example
 * const loss = crossEntropy(matmul(x, w), y);
 */
export function crossEntropy(logits: Operand, labels: Operand, options?: CrossEntropyOptions): Tensor {
  const read = readOptions("crossEntropy", options, crossEntropyKinds, { labelSmoothing: 0 });
  const [scores, target] = readTensors("crossEntropy", [logits, labels]);
  const { labelSmoothing, ignoreIndex, weight } = read;
  if (scores.shape.length > 0 && isFloat(target.dtype) && sameShape(target.shape, scores.shape))
    return inNameOf("crossEntropy", () => likelihood(scores, target, labelSmoothing, read));
  checkLabels("crossEntropy", scores, target);
  const x = classRows(scores);
  const rows = crossEntropyRows(x, target.shape.length === 1 ? target : reshape(target, [-1]), {
    ignoreIndex,
    labelSmoothing: weight === undefined ? labelSmoothing : 0,
  });
  if (weight === undefined) return collected(rows, target, read);
  return inNameOf("crossEntropy", () => weightedEntropy(x, rows, target, weight, read), true);
}

/** Cross-entropy with class weights: (1 − ε) · w[label] · −log p[label] + ε / C · Σ w · −log p. */
function weightedEntropy(
  x: Tensor,
  rows: Tensor,
  labels: Tensor,
  given: Operand,
  options: CrossEntropyOptions,
): Tensor {
  const { ignoreIndex, labelSmoothing: smoothing = 0 } = options;
  const weight = classWeights("crossEntropy", given, x);
  const [places, ignored] = placesOf(labels, ignoreIndex);
  const weights = unless(ignored, take(weight, places));
  const own = mul(rows, weights);
  if (smoothing === 0) return collected(own, labels, options, weights);
  const spread = unless(ignored, sum(mul(logSoftmax(x), weight), { axis: 1 }));
  return collected(sub(mul(own, 1 - smoothing), mul(spread, smoothing / x.shape[1]!)), labels, options, weights);
}

/** Cross-entropy where the labels are probabilities. */
function likelihood(scores: Tensor, target: Tensor, smoothing: number, options: CrossEntropyOptions): Tensor {
  const { ignoreIndex, reduction = "mean", weight } = options;
  if (ignoreIndex !== undefined)
    throw new ArgumentError("crossEntropy: ignoreIndex names a class number, but the labels are probabilities");
  const axis = scores.shape.length === 1 ? 0 : 1;
  const smooth = smoothing === 0 ? target : add(mul(target, 1 - smoothing), smoothing / scores.shape[axis]!);
  const logs = logSoftmax(scores, { axis });
  const across = [-1, ...scores.shape.slice(axis + 1).map(() => 1)];
  const weighed =
    weight === undefined ? logs : mul(logs, reshape(classWeights("crossEntropy", weight, classRows(logs)), across));
  return reductions[reduction](neg(sum(mul(smooth, weighed), { axis })));
}

/**
 * The negative log-likelihood of log-probabilities: −logp[label], averaged over the rows. Shapes, `ignoreIndex`,
 * `weight` and errors as in `crossEntropy`, which takes scores instead. Like PyTorch's `nll_loss`.
 *
 * With a model and batches `[x, labels]` it is a promise of the mean over all of their rows, as Knet's `nll`: what the
 * model gives may be scores as well as log-probabilities, since log-softmax leaves the latter as they are.
 *
 * @example
 * const loss = nll(logSoftmax(scores), y);
 * console.log(await nll(model, [[x, y]]));
 */
export function nll(logProbabilities: Operand, labels: Operand, options?: NllOptions): Tensor;
export function nll<X>(model: Model<X>, data: Data<X>, options: DataOptions & { average: false }): Promise<Totals>;
export function nll<X>(model: Model<X>, data: Data<X>, options?: DataOptions): Promise<number>;
export function nll<X>(x: Operand | Model<X>, labels: Operand | Data<X>, options?: NllOptions | DataOptions) {
  if (typeof x === "function")
    return overData("nll", x, labels as Data<X>, options, (scores, y, ignoreIndex) => {
      return [crossEntropy(scores, y, { ignoreIndex, reduction: "sum" }), counted(readTensor(y, "nll"), ignoreIndex)];
    });
  return ofLogProbabilities(x, labels as Operand, options as NllOptions);
}

function ofLogProbabilities(logProbabilities: Operand, labels: Operand, options: NllOptions | undefined): Tensor {
  const read = readOptions("nll", options, nllKinds, {});
  const [logp, target] = readTensors("nll", [logProbabilities, labels]);
  checkLabels("nll", logp, target);
  return inNameOf(
    "nll",
    () => {
      const x = classRows(inFloats(logp));
      const [places, ignored] = placesOf(target, read.ignoreIndex);
      const rows = unless(ignored, neg(reshape(gather(x, reshape(places, [-1, 1]), { axis: 1 }), [-1])));
      if (read.weight === undefined) return collected(rows, target, read);
      const weights = unless(ignored, take(classWeights("nll", read.weight, x), places));
      return collected(mul(rows, weights), target, read, weights);
    },
    true,
  );
}

/** How many labels are not ignored. */
const counted = (labels: Tensor, ignoreIndex: number | undefined): Tensor | number =>
  ignoreIndex === undefined ? labels.size : sum(notEqual(inDType(labels, "i32"), ignoreIndex));

/**
 * The fraction of rows whose highest score is at the label, as a tensor. Shapes and `ignoreIndex` as in `crossEntropy`.
 * With a model and batches `[x, labels]` it is a promise of the fraction over all of their rows, as Knet's `accuracy`.
 *
 * @example
 * console.log(await accuracy(model(x), y).item());
 * console.log(await accuracy(model, [[x, y]]));
 */
export function accuracy(logits: Operand, labels: Operand, options?: Pick<LabelOptions, "ignoreIndex">): Tensor;
export function accuracy<X>(model: Model<X>, data: Data<X>, options: DataOptions & { average: false }): Promise<Totals>;
export function accuracy<X>(model: Model<X>, data: Data<X>, options?: DataOptions): Promise<number>;
export function accuracy<X>(x: Operand | Model<X>, labels: Operand | Data<X>, options?: DataOptions) {
  if (typeof x === "function")
    return overData("accuracy", x, labels as Data<X>, options, (scores, y, ignoreIndex) => {
      const [read, target] = readTensors("accuracy", [scores, y]);
      return [sum(rightRows(read, target, ignoreIndex)), counted(target, ignoreIndex)];
    });
  const { ignoreIndex } = readOptions<Pick<LabelOptions, "ignoreIndex">, object>(
    "accuracy",
    options,
    { ignoreIndex: int32 },
    {},
  );
  const [scores, target] = readTensors("accuracy", [x, labels as Operand]);
  const right = rightRows(scores, target, ignoreIndex);
  return ignoreIndex === undefined ? mean(right) : div(sum(right), counted(target, ignoreIndex));
}

/** 1 for rows whose highest score is at the label, 0 for others and for ignored ones. */
function rightRows(scores: Tensor, target: Tensor, ignoreIndex: number | undefined): Tensor {
  checkLabels("accuracy", scores, target);
  const axis = scores.shape.length === 1 ? 0 : 1;
  const [places, ignored] = placesOf(target, ignoreIndex);
  // Looked up among the classes, so that a label out of range throws an IndexError, as in `crossEntropy`.
  const classes = iota(scores, [scores.shape[axis]!]);
  const wanted = inNameOf("accuracy", () => take(classes, places), true);
  return unless(ignored, cast(equal(reshape(argmax(scores, { axis }), [-1]), wanted), "f32"));
}
