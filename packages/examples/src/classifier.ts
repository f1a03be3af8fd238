// Classifiers of digits as programs: what a recipe says, how it is measured, and what its report shows.
import type { Backend } from "@weft/tensor";
import { crossEntropy, params } from "@weft/nn";
import { minimize } from "@weft/optim";
import { minibatch, type Split } from "@weft/data";
import { count } from "./words.ts";
import { dataNames, dataset, type DataName } from "./datasets.ts";
import { answers, measure } from "./evaluation.ts";
import type { Learner, Program } from "./program.ts";
import type { Recipe } from "./recipe.ts";
import { classifierSections } from "./report/classifier.ts";

export const classifier = (recipe: Recipe): Program => ({
  ...recipe,
  data: dataNames,
  cases: "pictures",
  async start({ data, limit, ...setting }) {
    const split = await dataset(data as DataName, limit);
    const learner = classifying(recipe, split, setting);
    return { ...learner, from: `${learner.from} of ${data}` };
  },
});

interface ClassifyingOptions {
  readonly backend: Backend;
  /** The batch size (100). */
  readonly size?: number;
  /** The seed for shuffling. */
  readonly seed: number;
}

/** The recipe at work on pictures. */
export function classifying(recipe: Recipe, { train, test }: Split, { backend, size = 100, seed }: ClassifyingOptions) {
  const pictures = train.labels.data.length;
  const model = recipe.model();
  const optimizer = recipe.optimizer();
  const batches = minibatch(train, Math.min(size, pictures), { backend, shuffle: true, seed });
  return {
    from: `${count(pictures)} pictures`,
    model,
    state: { optimizer, batches },
    epoch: () => minimize((x, y) => crossEntropy(model(x), y), batches, optimizer),
    evaluate: async () => ({ testAccuracy: await measure(model, test, backend) }),
    of: `of ${count(test.labels.data.length)} new pictures right`,
    async sections() {
      const [first] = params(model);
      const weights = { data: await first!.value.data(), shape: first!.shape };
      return classifierSections({ test, answers: await answers(model, test, backend), weights });
    },
  } satisfies Learner;
}
