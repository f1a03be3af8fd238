// What is needed to train an image classifier: a model, an optimizer and a number of epochs.
import type { Tensor } from "@weft/tensor";
import type { Optimizer } from "@weft/optim";
import type { Program } from "./program.ts";

/** From pictures `[N, 1, 28, 28]` to a score for each class `[N, 10]`. */
export type Classifier = (images: Tensor) => Tensor;

export interface Recipe extends Pick<Program, "title" | "about" | "time" | "reaches" | "epochs" | "quick"> {
  /** Builds the model; its initial values depend on `seed(n)` of `@weft/nn`. */
  readonly model: () => Classifier;
  readonly optimizer: () => Optimizer;
}
