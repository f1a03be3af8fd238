// The training loop: epochs of minibatches, one step of the optimizer each, and a look at the test set after every epoch.
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
  /** Pictures in a step (100). */
  readonly size?: number;
  /** Decides in which order the pictures come (1). */
  readonly seed?: number;
  /** Shows how far it has come another way than on the terminal. */
  readonly display?: Display;
  /** Ends the training after the step that is under way. What was learned stays, and is measured. */
  readonly signal?: Signal;
  /** Is called when the steps of an epoch are done, before they are measured: to save the model, say. */
  readonly learned?: (epoch: number, losses: readonly number[]) => Promise<void> | void;
}

/** What one look at all the training data brought. */
export interface Epoch {
  /** The loss of each step. */
  readonly losses: readonly number[];
  /** The share of the test set that the model gets right after it, from 0 to 1. */
  readonly accuracy: number;
}

/**
 * Trains a model, epoch by epoch, and shows how far it has come.
 *
 * @example
 * for await (const { accuracy } of train(model, digits(), { backend, optimizer: adam(), epochs: 3 })) console.log(accuracy);
 */
export async function* train(
  model: Classifier,
  data: Split,
  { backend, optimizer, epochs, size = 100, seed = 1, signal, learned, ...how }: TrainingOptions,
): AsyncGenerator<Epoch> {
  const batches = minibatch(data.train, size, { backend, shuffle: true, seed });
  const stopped = (): boolean => signal?.aborted === true;
  for (let epoch = 1; epoch <= epochs && !stopped(); epoch++) {
    const steps = minimize((x, y) => crossEntropy(model(x), y), batches, optimizer);
    const reading: Promise<number>[] = [];
    for await (const loss of progress(steps, { name: `epoch ${epoch}/${epochs}`, ...how })) {
      reading.push(loss.item());
      if (stopped()) break;
    }
    const losses = await Promise.all(reading);
    await learned?.(epoch, losses);
    yield { losses, accuracy: await measure(model, data.test, backend) };
  }
}

/** The share of the pictures that a model gets right. */
export async function measure(model: Classifier, data: Labeled, backend: Backend): Promise<number> {
  let right = 0;
  for (const [x, y] of minibatch(data, 100, { backend, partial: true }))
    right += y.size * (await scope(() => accuracy(model(x), y).item()));
  return right / data.labels.data.length;
}
