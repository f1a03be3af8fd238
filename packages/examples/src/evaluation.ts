// What a model says to pictures, and where it is wrong: the numbers behind a report.
import { ArgumentError, scope, softmax, type Backend } from "@weft/tensor";
import { minibatch, type Labeled } from "@weft/data";
import type { Classifier } from "./recipe.ts";

/** What a model says to one picture. */
export interface Answer {
  /** Its place in the data. */
  readonly index: number;
  /** What it shows. */
  readonly label: number;
  /** What the model takes it for, and how sure it is, from 0 to 1. */
  readonly guess: number;
  readonly confidence: number;
}

/** What the model says to every picture, in their order. */
export async function answers(model: Classifier, data: Labeled, backend: Backend): Promise<Answer[]> {
  const found: Answer[] = [];
  for (const [x] of minibatch(data, 100, { backend, partial: true })) {
    const probabilities = await scope(() => softmax(model(x)).data());
    const classes = probabilities.length / x.shape[0]!;
    for (let at = 0; at < probabilities.length; at += classes) {
      const row = Array.from(probabilities.subarray(at, at + classes));
      const guess = row.reduce((best, p, i) => (p > row[best]! ? i : best), 0);
      const index = found.length;
      if (row.some(Number.isNaN))
        throw new ArgumentError(
          `the model's scores for picture ${index} are no numbers: its weights hold NaN or infinity, as after a training that diverged.`,
        );
      found.push({ index, label: data.labels.data[index]!, guess, confidence: row[guess]! });
    }
  }
  return found;
}

/** The share that is right. */
export const accuracyOf = (all: readonly Answer[]): number =>
  all.filter(({ label, guess }) => label === guess).length / all.length;

/** How often each label (row) was taken for each class (column). */
export function confusion(all: readonly Answer[], classes = 10): number[][] {
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (const { label, guess } of all) counts[label]![guess]!++;
  return counts;
}

/** The wrong answers, the surest first. */
export const mistakes = (all: readonly Answer[]): Answer[] =>
  all.filter(({ label, guess }) => label !== guess).sort((a, b) => b.confidence - a.confidence);
