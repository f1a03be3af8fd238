// What is needed to train an image classifier: a model, an optimizer and a number of epochs.
import type { Tensor } from "@weft/tensor";
import type { Optimizer } from "@weft/optim";
import type { DataName } from "./datasets.ts";
import type { Program } from "./program.ts";

/** From pictures `[N, channels, height, width]` to a score for each class `[N, classes]`. */
export type Classifier = (images: Tensor) => Tensor;

export interface Recipe extends Pick<Program, "title" | "about" | "time" | "reaches" | "epochs" | "quick"> {
  /** The data sets that it can learn from, its default first (digits and MNIST). */
  readonly data?: readonly DataName[];
  /** The batch size (100). */
  readonly size?: number;
  /** Builds the model; its initial values depend on `seed(n)` of `@weft/nn`. */
  readonly model: () => Classifier;
  readonly optimizer: () => Optimizer;
}
