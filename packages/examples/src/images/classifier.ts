// Classifiers of pictures as programs: what a recipe says, how it is measured, and what its report shows.
import { ArgumentError, type Backend } from "@weft/tensor";
import { crossEntropy, params } from "@weft/nn";
import { minimize } from "@weft/optim";
import { minibatch, type Pictures } from "@weft/data";
import { count } from "../format.ts";
import { dataset, digitNames, type DataName } from "./datasets.ts";
import { examination } from "../training/evaluation.ts";
import type { Learner, Program, Setting } from "../training/program.ts";
import type { Recipe } from "./classifier-recipe.ts";
import { classifierSections } from "../report/classifier.ts";

/** The program of a recipe. What it says can be read of it, as from the recipe. */
export function classifier(recipe: Recipe): Recipe & Program {
  const made = {
    ...recipe,
    data: recipe.data ?? digitNames,
    cases: "pictures",
    async start({ data, limit, ...setting }: Setting<DataName>) {
      const learner = classifierLearner(made, await dataset(data, limit), setting);
      return { ...learner, from: `${learner.from} of ${data}` };
    },
  };
  return made;
}

interface ClassifierOptions {
  readonly backend: Backend;
  /** The batch size (that of the recipe). */
  readonly batchSize?: number;
  /** The seed for shuffling. */
  readonly seed: number;
  /** Those of the recipe. */
  readonly options?: Setting["options"];
}

/** The recipe at work on pictures. */
export function classifierLearner(recipe: Recipe, { train, test, classes }: Pictures, setting: ClassifierOptions) {
  const { backend, batchSize = recipe.batchSize ?? 100, seed } = setting;
  const pictures = train.labels.data.length;
  const { least = 1 } = recipe;
  if (pictures < least) throw new ArgumentError(`a batch has ${least} or more, and there is ${pictures}.`);
  const model = recipe.model();
  const optimizer = recipe.optimizer(setting.options);
  const exam = examination(model, test, backend);
  const { shuffle = true } = recipe;
  // In an order that stays, the pictures that fill no batch would be the same ones in each epoch.
  const batches = minibatch(train, Math.min(batchSize, pictures), { backend, shuffle, seed, partial: !shuffle });
  return {
    from: `${count(pictures)} pictures`,
    model,
    state: { optimizer, batches },
    epoch: () => minimize((x, y) => crossEntropy(model(x), y), batches, optimizer),
    evaluate: async () => ({ testAccuracy: await exam.accuracy() }),
    metrics: { testAccuracy: "share" },
    of: `of ${count(test.labels.data.length)} new pictures right`,
    async sections() {
      const [first] = params(model);
      const weights = { data: await first!.value.data(), shape: first!.shape };
      return classifierSections({ test, classes, predictions: await exam.predictions(), weights });
    },
  } satisfies Learner;
}
