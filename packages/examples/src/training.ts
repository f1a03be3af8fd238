// The training loop of the examples: epochs of minibatches, and the test accuracy after every epoch.
import type { Backend } from "@weft/tensor";
import { crossEntropy } from "@weft/nn";
import type { Optimizer } from "@weft/optim";
import { minibatch, type Display, type Labeled, type Signal, type Split } from "@weft/data";
import { epochs, evaluate, metrics } from "@weft/train";
import type { Classifier } from "./recipe.ts";

export interface TrainingOptions {
  readonly backend: Backend;
  readonly optimizer: Optimizer;
  readonly epochs: number;
  /** The batch size (100). */
  readonly size?: number;
  /** The seed for shuffling (1). */
  readonly seed?: number;
  /** Shows progress elsewhere than on the terminal. */
  readonly display?: Display;
  /** Ends training after the current step. The model keeps what it has learned, and its accuracy is measured. */
  readonly signal?: Signal;
  /** Called after the steps of an epoch, before the accuracy is measured: to save the model, for example. */
  readonly learned?: (epoch: number, losses: readonly number[]) => Promise<void> | void;
}

/** The results of one epoch. */
export interface Epoch {
  /** The loss of each step. */
  readonly losses: readonly number[];
  /** The accuracy on the test set after the epoch, from 0 to 1. */
  readonly accuracy: number;
}

/**
 * Trains a model, epoch by epoch, and shows progress.
 *
 * @example
 * const options = { backend, optimizer: adam(), epochs: 3 };
 * for await (const { accuracy } of train(model, digits(), options)) console.log(accuracy);
 */
export async function* train(
  model: Classifier,
  data: Split,
  { backend, size = 100, seed = 1, learned, display, ...rest }: TrainingOptions,
): AsyncGenerator<Epoch> {
  const batches = minibatch(data.train, size, { backend, shuffle: true, seed });
  let reading: Promise<number>[] = [];
  const run = epochs(model, batches, {
    ...rest,
    loss: crossEntropy,
    progress: display === undefined ? true : { display },
    onStep: (loss) => void reading.push(loss.item()),
  });
  for await (const { epoch } of run) {
    const losses = await Promise.all(reading);
    reading = [];
    await learned?.(epoch, losses);
    yield { losses, accuracy: await measure(model, data.test, backend) };
  }
}

/** The accuracy of a model on labeled pictures, from 0 to 1. */
export async function measure(model: Classifier, data: Labeled, backend: Backend): Promise<number> {
  const batches = minibatch(data, 100, { backend, partial: true });
  const { accuracy } = await evaluate(model, batches, { metrics: { accuracy: metrics.accuracy() } });
  return accuracy;
}
