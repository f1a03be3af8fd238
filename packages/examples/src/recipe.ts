// What it takes to learn to tell pictures apart: a model, and how it is trained.
import type { Tensor } from "@weft/tensor";
import type { Optimizer } from "@weft/optim";

/** From pictures `[N, 1, 28, 28]` to a score for each class `[N, 10]`. */
export type Classifier = (images: Tensor) => Tensor;

export interface Recipe {
  /** The model's name in sentences. */
  readonly title: string;
  /** Builds the model; its first values follow from `seed(n)` of `@weft/nn`. */
  readonly model: () => Classifier;
  readonly optimizer: () => Optimizer;
  /** How often it looks at all the training data, where nobody says otherwise. */
  readonly epochs: number;
}
