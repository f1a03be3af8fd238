// Predictions of a model, its accuracy and its mistakes: the numbers for a report.
import { training } from "@weft/autograd";
import { ArgumentError, argmax, scope, softmax, type Backend, type Tensor } from "@weft/tensor";
import { minibatch, type HostArray, type Labeled, type Reviews } from "@weft/data";
import { evaluate, metrics, type Metric } from "@weft/train";
import { patient } from "../progress.ts";
import type { Classifier } from "../images/classifier-recipe.ts";

/** What a classifier sees: pictures or texts of one length, and the class of each. */
type Cases = Labeled | Reviews<HostArray<Int32Array>>;

/** All of them in batches, in order. */
const batchesOf = (data: Cases, backend: Backend) =>
  minibatch(["images" in data ? data.images : data.inputs, data.labels], 100, { backend, partial: true });

/** A model's prediction for one picture or text. */
export interface Prediction {
  /** Its index in the data. */
  readonly index: number;
  /** The class that it is of. */
  readonly label: number;
  /** The class that the model predicts, and its probability. */
  readonly guess: number;
  readonly confidence: number;
}

/** What a model guesses of something: the class of the largest of the logits `[N, classes]` in each row. */
export const guessing =
  <Asked>(logits: (asked: Asked) => Tensor) =>
  async (asked: Asked): Promise<readonly number[]> =>
    Array.from(await scope(() => argmax(logits(asked), { axis: 1 }).data()));

/** The model's predictions for all pictures or texts, in order. */
export async function predictions(model: Classifier, data: Cases, backend: Backend): Promise<Prediction[]> {
  const found: Prediction[] = [];
  for await (const [x] of patient(batchesOf(data, backend), "evaluation")) {
    // The inner scope ends before anything is computed: what is between the layers need not be stored.
    const probabilities = await scope(() => scope(() => softmax(model(x))).data());
    const classes = probabilities.length / x.shape[0]!;
    for (let at = 0; at < probabilities.length; at += classes) {
      const row = Array.from(probabilities.subarray(at, at + classes));
      const guess = row.reduce((best, p, i) => (p > row[best]! ? i : best), 0);
      const index = found.length;
      if (row.some(Number.isNaN))
        throw new ArgumentError(
          `the model's logits of ${"images" in data ? "picture" : "text"} ${index} are not numbers: its weights hold NaN or infinity, ` +
            "as after training that diverged.",
        );
      found.push({ index, label: data.labels.data[index]!, guess, confidence: row[guess]! });
    }
  }
  return found;
}

/** The fraction of correct predictions. */
export const accuracyOf = (all: readonly Prediction[]): number =>
  all.filter(({ label, guess }) => label === guess).length / all.length;

/** A model's predictions for a whole test set, those of the latest time. */
export function examination(model: Classifier, data: Cases, backend: Backend) {
  let found: readonly Prediction[] | undefined;
  const predict = async (): Promise<readonly Prediction[]> => (found = await predictions(model, data, backend));
  return {
    /** Predicts anew, and returns the accuracy. */
    accuracy: async (): Promise<number> => accuracyOf(await predict()),
    /** Predicts if nothing was predicted yet: the accuracy of a training that is over may be known from its record. */
    predictions: async (): Promise<readonly Prediction[]> => found ?? predict(),
  };
}

/** The confusion matrix: how often each label (row) was predicted as each class (column). */
export function confusion(all: readonly Prediction[], classes = 10): number[][] {
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (const { label, guess } of all) counts[label]![guess]!++;
  return counts;
}

/** The wrong predictions, the most confident first. */
export const mistakes = (all: readonly Prediction[]): Prediction[] =>
  all.filter(({ label, guess }) => label !== guess).sort((a, b) => b.confidence - a.confidence);

/** The accuracy of a model on labeled pictures or texts, from 0 to 1. */
export async function measure(model: Classifier, data: Cases, backend: Backend): Promise<number> {
  const { accuracy } = await evaluate(model, batchesOf(data, backend), { metrics: { accuracy: metrics.accuracy() } });
  return accuracy;
}

/** The accuracy of what `part` makes of logits and labels, such as the last rows of both. */
export function accuracyOfPart(
  part: (logits: Tensor, labels: Tensor) => readonly [Tensor, Tensor],
): Metric<number, Tensor, Tensor> {
  const all = metrics.accuracy();
  return { ...all, update: (logits, labels) => all.update(...part(logits, labels)) };
}

/** The mean of a loss over all rows of batches, in inference mode: a batch counts as many times as it has rows. */
export async function meanOf<Batch extends readonly [Tensor, ...Tensor[]]>(
  loss: (...batch: Batch) => Tensor,
  batches: Iterable<Readonly<Batch>> | AsyncIterable<Readonly<Batch>>,
): Promise<number> {
  let [sum, n] = [0, 0];
  for await (const batch of patient(batches, "evaluation")) {
    const rows = batch[0].shape[0] ?? 1;
    sum += rows * (await scope(() => training(false, () => loss(...batch)).item()));
    n += rows;
  }
  return sum / n;
}
