// The training loop: epochs of minibatches, one optimizer step per minibatch, and the test accuracy after every epoch.
import { scope } from "@weft/autograd";
import type { Backend } from "@weft/tensor";
import { accuracy, crossEntropy } from "@weft/nn";
import { minimize, type Optimizer } from "@weft/optim";
import { minibatch, progress, type Display, type Labeled, type Signal, type Split } from "@weft/data";
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
  { backend, optimizer, epochs, size = 100, seed = 1, signal, learned, ...rest }: TrainingOptions,
): AsyncGenerator<Epoch> {
  const batches = minibatch(data.train, size, { backend, shuffle: true, seed });
  const stopped = (): boolean => signal?.aborted === true;
  for (let epoch = 1; epoch <= epochs && !stopped(); epoch++) {
    const steps = minimize((x, y) => crossEntropy(model(x), y), batches, optimizer);
    const reading: Promise<number>[] = [];
    for await (const loss of progress(steps, { name: `epoch ${epoch}/${epochs}`, ...rest })) {
      reading.push(loss.item());
      if (stopped()) break;
    }
    const losses = await Promise.all(reading);
    await learned?.(epoch, losses);
    yield { losses, accuracy: await measure(model, data.test, backend) };
  }
}

/** The accuracy of a model on labeled pictures, from 0 to 1. */
export async function measure(model: Classifier, data: Labeled, backend: Backend): Promise<number> {
  let right = 0;
  for (const [x, y] of minibatch(data, 100, { backend, partial: true }))
    right += y.size * (await scope(() => accuracy(model(x), y).item()));
  return right / data.labels.data.length;
}
