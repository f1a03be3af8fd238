// Training, epoch by epoch: each item is an epoch's losses and metrics.
import { progress as shown, type ProgressOptions, type Signal } from "@weft/data";
import { signalKind } from "@weft/data/internals";
import { trained } from "@weft/autograd/internals";
import { adam, minimize, type AsyncOptimizer, type LossOptimizer, type Optimizer } from "@weft/optim";
import { awaitable, firstOf } from "@weft/optim/internals";
import { ArgumentError, isNaN, isTensor, minimum, reshape, where, type Tensor } from "@weft/tensor";
import {
  anything,
  callable,
  context,
  describe,
  filled,
  positiveCount,
  readOptions,
  readValue,
  untaped,
} from "@weft/tensor/internals";
import { Merged } from "../merged.ts";
import { rowsOf } from "../rows.ts";
import { ofLength, type Wrapped } from "../steps.ts";
import { checkData, functionOf, MeanLoss, partsOf, type LabeledBatches, type Model } from "./batch.ts";
import { evaluate } from "./evaluate.ts";
import { metricsKind, progressKind } from "./options.ts";
import {
  collect,
  readMetrics,
  resultsOf,
  update,
  validationName,
  type Metrics,
  type Results,
  type ValidationResults,
} from "./results.ts";

export interface EpochsOptions<In extends readonly unknown[], Target, Y, M> {
  /** The mean loss of a batch. */
  readonly loss: (y: Y, target: Target) => Tensor;
  /** By default `adam()`. Of `lbfgs`, the first evaluation of each step counts. */
  readonly optimizer?: Optimizer | AsyncOptimizer | LossOptimizer;
  /** How often the data are iterated over (1). */
  readonly epochs?: number;
  /** Batches that the model is evaluated on after each epoch. */
  readonly validation?: LabeledBatches<In, Target>;
  /** What else is measured, by name, in training and on the validation data. */
  readonly metrics?: M;
  /** Training ends after the current step when it is aborted. */
  readonly signal?: Signal;
  /** Shows the progress of each epoch (false); options are those of `progress`. */
  readonly progress?: boolean | ProgressOptions<Tensor>;
  /** Called after each step with its loss, which is valid until the next one; steps count from 1 in each epoch. */
  readonly onStep?: (loss: Tensor, step: number) => unknown;
}

/** What an epoch gave. */
export type Epoch<M = unknown> = {
  /** Its number, from 1. */
  readonly epoch: number;
  /** The number of its steps: of those that were left, where a run is resumed in it. */
  readonly steps: number;
  /** The mean loss of its batches, each before its step, weighted by their numbers of rows; NaN if none was left. */
  readonly loss: number;
  /** The mean loss on the validation data after it. */
  readonly valLoss?: number;
  /** Whether the signal ended it: then it is the last one, and was not evaluated. */
  readonly interrupted: boolean;
} & Results<M> &
  ValidationResults<M>;

/** What an epoch gave that was not interrupted; with validation data V it was evaluated on them. */
export type FinishedEpoch<M = unknown, V = undefined> = Epoch<M> &
  ([V] extends [object] ? { readonly valLoss: number } & Required<ValidationResults<M>> : unknown);

/** The loop, and how it stands. */
export interface Epochs<M> extends Wrapped<Epoch<M>> {
  /** The number of epochs that are done. It may be saved, and assigned to go on from there. */
  epoch: number;
}

export const epochsKinds = {
  loss: callable,
  optimizer: anything,
  epochs: positiveCount,
  validation: anything,
  metrics: metricsKind,
  signal: signalKind,
  progress: progressKind,
  onStep: callable,
};

/**
 * Trains a model on batches `[…inputs, target]`, and yields after each epoch its mean loss and metrics, on the training
 * data and, in inference mode, on the `validation` data: `{ epoch, steps, loss, valLoss, accuracy, valAccuracy }`. Other
 * loops wrap it: `earlyStopping`, `checkpoints`, `logTo`. Nothing happens before it is iterated or awaited. Iterating again
 * goes on from where it stands: what is left of `epochs` epochs. In a tree that is saved, as in `{ model, optimizer, batches,
 * run }`, that is so in a program that resumes, too; left out of it, it begins with epoch 1 there.
 *
 * Training metrics are of the predictions during training: each before its step, with dropout. Data are iterated over
 * once per epoch, so a generator is refused if there are several. An error (a loss or a callback that throws, a wrong label) ends it; the
 * model keeps the steps before it.
 *
 * @example
 * const options = { loss: mse, optimizer: adam(), epochs: 3, metrics: { error: metrics.meanAbsoluteError() } };
 * for await (const { epoch, loss, error } of epochs(model, batches, options)) console.log(epoch, loss, error);
 */
export function epochs<In extends readonly unknown[], Target, Y, M extends Metrics<Y, Target> = Record<never, never>>(
  model: Model<In, Y>,
  data: LabeledBatches<In, Target>,
  options: EpochsOptions<In, Target, Y, M>,
): Epochs<M> {
  return epochsFrom("epochs", model, data, options);
}

/** The number of a step where its loss is NaN, else infinity. */
function numberIfNaN(loss: Tensor, step: number): Tensor {
  const plain = reshape(untaped(loss), []);
  return where(isNaN(plain), filled(plain, step, [], "f32"), Infinity);
}

/** How a run is a part of a larger one. */
interface Within {
  /** The number of epochs that are done, when the loop begins: by default those of the loop itself. */
  readonly done?: () => number;
  /** Called with each batch, and with what the model makes of it. */
  readonly saw?: (x: unknown) => void;
  /** Called after an epoch, with the number of its first step whose loss was NaN. If it is given, that is looked for. */
  readonly diverged?: (epoch: number, step: number) => void;
}

/** The same, as a part of `op`. */
export function epochsFrom<In extends readonly unknown[], Target, Y, M extends Metrics<Y, Target>>(
  op: string,
  model: Model<In, Y>,
  data: LabeledBatches<In, Target>,
  options: EpochsOptions<In, Target, Y, M>,
  { done: told, saw, diverged }: Within = {},
): Epochs<M> {
  const read = readOptions(op, options, epochsKinds, { epochs: 1, progress: false });
  const { epochs, validation, signal, progress, onStep, optimizer = adam() } = read;
  const call = functionOf(op, model);
  if (typeof optimizer === "function")
    throw new ArgumentError(
      `${op}: wanted an optimizer such as adam(), got ${describe(optimizer)}; call it: ${(optimizer as { name: string }).name}()`,
    );
  const loss = readValue(op, "loss", read.loss, callable) as typeof read.loss;
  checkData(op, "the data", data, epochs);
  if (validation !== undefined) checkData(op, "validation", validation, epochs);
  const metrics = readMetrics(op, read.metrics, validation !== undefined);
  const stopped = (): boolean => signal?.aborted === true;
  const { training } = context; // kept, since training goes on after a surrounding `training(…)` has returned

  async function train(epoch: number): Promise<Epoch<M>> {
    const mean = new MeanLoss(op);
    const firstNaN = new Merged(op, (a, b) => minimum(a, b));
    // A run that was interrupted goes on behind the batches that it has had.
    const begun = firstOf(data);
    let steps = 0;
    let evaluated = 0;
    const lossOf = (...batch: readonly unknown[]): Tensor => {
      const [inputs, target] = partsOf<In, Target>(op, batch as readonly [...In, Target]);
      saw?.(batch);
      const y = call(...inputs);
      saw?.(y);
      // Only the first evaluation of a step is measured: a line search makes several.
      const isFirst = evaluated === steps;
      if (isFirst) {
        evaluated++;
        update(op, metrics, y, target);
      }
      const value = loss(y, target);
      // Part of the step, as the metrics are. Anything else than a scalar is refused by minimize.
      if (isFirst && isTensor(value) && value.size === 1) {
        mean.add(value, rowsOf(batch));
        if (diverged !== undefined) firstNaN.add(() => numberIfNaN(value, begun + steps + 1));
      }
      return value;
    };
    const losses = trained(training, () => minimize(lossOf, data, optimizer));
    const named: ProgressOptions<Tensor> = {
      name: `epoch ${epoch}/${epochs}`,
      ...(progress === true ? {} : progress || {}),
    };
    const collected = collect(op, metrics);
    try {
      for await (const value of progress === false ? losses : shown(losses, named)) {
        steps++;
        await onStep?.(value, steps);
        if (stopped()) break;
      }
      // Interrupted after its last step, an epoch that is resumed has none left: what is left of it is its evaluation.
      if (steps === 0 && begun === 0) throw new ArgumentError(`${op}: there are no batches in epoch ${epoch}`);
      const interrupted = stopped();
      const [step = Infinity] = Array.from(await firstNaN.read());
      if (step < Infinity) diverged?.(epoch, step);
      const result = { epoch, steps, loss: await mean.read(), ...(await resultsOf(metrics)), interrupted };
      collected(); // now they are those of the validation
      if (validation === undefined || interrupted) return result as unknown as Epoch<M>;
      const evaluated = await evaluate(model, validation, { loss, ...(read.metrics && { metrics: read.metrics }) });
      const validated = Object.entries(evaluated).map(([name, x]) => [validationName(name), x] as const);
      return { ...result, ...Object.fromEntries(validated) } as unknown as Epoch<M>;
    } finally {
      mean.release();
      firstNaN.release();
      collected();
    }
  }

  async function* iterate(): AsyncGenerator<Epoch<M>, void, void> {
    before = done();
    try {
      for (let epoch = before + 1; epoch <= epochs && !stopped(); epoch++) {
        const result = await train(epoch);
        if (!result.interrupted) run.epoch = epoch;
        yield result;
      }
    } finally {
      before = undefined;
    }
  }
  const done = told ?? ((): number => run.epoch);
  /** How many epochs were done when the loop that is under way began. */
  let before: number | undefined;
  const left = (): number => Math.max(epochs - (before ?? done()), 0);
  const run = Object.assign(ofLength(left, awaitable(op, iterate)), { epoch: 0 });
  return run;
}
