// A model's loss and metrics on data, and its predictions.
import { training } from "@weft/autograd";
import { Pace } from "@weft/optim/internals";
import { ArgumentError, concat, isTensor, scope, ShapeError, type Tensor } from "@weft/tensor";
import { areLengths, beside, leftOf } from "@weft/data/internals";
import { boolean, callable, describe, handle, readOptions, sameShape, visitTensors } from "@weft/tensor/internals";
import { Merged } from "../merged.ts";
import { rowsOf } from "../rows.ts";
import { checkData, functionOf, MeanLoss, partsOf, wantLoss, type LabeledBatches, type Model } from "./batch.ts";
import { metricsKind } from "./options.ts";
import { collect, readMetrics, resultsOf, update, type Metrics, type Results } from "./results.ts";

export interface EvaluateOptions<Y, Target, M> {
  /** The mean loss of a batch. */
  readonly loss?: (y: Y, target: Target) => Tensor;
  /** What else is measured, by name. */
  readonly metrics?: M;
}

/** The mean loss over all rows (NaN if there is no loss), and the results of the metrics. */
export type Evaluation<M> = { readonly loss: number } & Results<M>;

const kinds = { loss: callable, metrics: metricsKind };

/**
 * Evaluates a model on batches `[…inputs, target]`, in inference mode: the loss, averaged over batches with their numbers
 * of rows as weights, and metrics. Metrics are reset before and after. Numbers are read once, at the end. Minibatches
 * without `{ partial: true }` leave out the rows that do not fill a batch, so these do not count. The `position` of batches
 * stays where it is, so the training batches can be evaluated in the middle of an epoch.
 *
 * @example
 * const measured = { loss: mse, metrics: { error: metrics.meanAbsoluteError() } };
 * const { loss, error } = await evaluate(model, minibatch([x, y], 2), measured);
 */
export async function evaluate<
  In extends readonly unknown[],
  Target,
  Y,
  M extends Metrics<Y, Target> = Record<never, never>,
>(
  model: Model<In, Y>,
  data: LabeledBatches<In, Target>,
  options: EvaluateOptions<Y, Target, M>,
): Promise<Evaluation<M>> {
  const op = "evaluate";
  const read = readOptions(op, options, kinds, {});
  const call = functionOf(op, model);
  checkData(op, "the data", data, 1);
  const metrics = readMetrics(op, read.metrics, false);
  const mean = new MeanLoss(op);
  const collected = collect(op, metrics);
  const pace = new Pace();
  let batches = 0;
  try {
    for await (const batch of beside(data)) {
      batches++;
      const [inputs, target] = partsOf<In, Target>(op, batch);
      const result = scope(() =>
        training(false, () => {
          const y = call(...inputs);
          update(op, metrics, y, target);
          if (read.loss === undefined) return firstOf(y);
          const loss = read.loss(y, target);
          wantLoss(op, loss);
          mean.add(loss, rowsOf(batch));
          return loss;
        }),
      );
      if (result === undefined) continue;
      await pace.after(result);
      result.release();
    }
    await pace.settled();
    if (batches === 0) throw new ArgumentError(`${op}: there are no batches`);
    const loss = read.loss === undefined ? NaN : await mean.read();
    return { loss, ...(await resultsOf(metrics)) } as Evaluation<M>;
  } finally {
    mean.release();
    collected();
  }
}

/** A tensor of a model's result. */
function firstOf(y: unknown): Tensor | undefined {
  let first: Tensor | undefined;
  visitTensors(y, (x) => (first ??= x));
  return first;
}

export interface PredictOptions {
  /** Whether the last part of each batch is a target, which the model does not get. */
  readonly target?: boolean;
}

/**
 * A model's predictions for all batches, in their order, in inference mode, as one tensor, which you own. A batch is an
 * input, or a tuple of inputs: a part of it, or with ragged data two, `[x, lengths]`. What has more parts may have a
 * target, which nobody can see: `{ target: true }` leaves out the last part, `{ target: false }` says that all are inputs.
 *
 * Errors: ArgumentError for batches that may have a target, if the options do not say it, and for minibatches that leave
 * rows out because they do not fill a batch: those need `{ partial: true }`. ShapeError where predictions of batches differ
 * in another axis than the first, as those of sequences do.
 *
 * @example
 * const predictions = await predict(model, minibatch(x, 3, { partial: true }));
 *
 * @example
 * const predictions = await predict(model, minibatch([x, y], 2), { target: true });
 */
export async function predict<X>(
  model: Model<never, Tensor>,
  data: Iterable<X> | AsyncIterable<X>,
  options?: PredictOptions,
): Promise<Tensor> {
  const op = "predict";
  const { target } = readOptions(op, options, { target: boolean }, {} as PredictOptions);
  const call = functionOf(op, model as Model<readonly unknown[], Tensor>);
  checkData(op, "the data", data, 1);
  const left = leftOf(data);
  if (left > 0)
    throw new ArgumentError(
      `${op}: ${left} rows of the data are in no batch, because they do not fill one, and would have no predictions. ` +
        "Pass minibatch(…, { partial: true })",
    );
  const all = new Merged(op, (a, b) => concat([a, b]));
  const pace = new Pace();
  let before: readonly number[] | undefined;
  try {
    for await (const batch of beside(data)) {
      const inputs = inputsOf(op, batch, target);
      const y = scope(() => training(false, () => call(...inputs)));
      if (!isTensor(y)) throw new ArgumentError(`${op}: wanted a model that returns a tensor, got ${describe(y)}`);
      if (y.shape.length === 0)
        throw new ShapeError(
          `${op}: wanted a model that returns a prediction for each row of a batch, along the first axis, got ${describe(y)}`,
        );
      if (before !== undefined && !sameShape(before.slice(1), y.shape.slice(1)))
        throw new ShapeError(
          `${op}: predictions of two batches are [${before}] and [${y.shape}], which are no one tensor. Sequences in a batch ` +
            "are as long as the longest one there: pass all of them as one batch, let the model return the same shape for " +
            "each row, or call it batch by batch, in training(false, …)",
        );
      before = y.shape;
      all.add(() => handle(op, y));
      await pace.after(y);
      y.release();
    }
    await pace.settled();
    const predictions = all.total();
    if (predictions === undefined) throw new ArgumentError(`${op}: there are no batches`);
    return predictions;
  } finally {
    all.release();
  }
}

/** What a model gets of a batch. */
function inputsOf(op: string, batch: unknown, target: boolean | undefined): readonly unknown[] {
  if (target === true) return partsOf(op, batch as readonly [unknown, unknown])[0];
  if (!Array.isArray(batch)) return [batch];
  if (target === undefined && batch.length > 1 && !areLengths(batch.at(-1)))
    throw new ArgumentError(
      `${op}: the batches have ${batch.length} parts, of which the last one may be a target. ` +
        "Pass { target: true } if it is, or { target: false } if the model takes all parts",
    );
  return batch;
}
