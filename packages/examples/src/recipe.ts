// What is needed to train an image classifier: a model, an optimizer and a number of epochs.
import type { Tensor } from "@weft/tensor";
import type { Optimizer } from "@weft/optim";

/** From pictures `[N, 1, 28, 28]` to a score for each class `[N, 10]`. */
export type Classifier = (images: Tensor) => Tensor;

export interface Recipe {
  /** The model's name in sentences. */
  readonly title: string;
  /** Builds the model; its initial values depend on `seed(n)` of `@weft/nn`. */
  readonly model: () => Classifier;
  readonly optimizer: () => Optimizer;
  /** The default number of epochs. */
  readonly epochs: number;
}
