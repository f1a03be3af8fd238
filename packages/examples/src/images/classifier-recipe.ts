// What is needed to train an image classifier: a model, an optimizer and a number of epochs.
import type { Tensor } from "@weft/tensor";
import type { Optimizer } from "@weft/optim";
import type { DataName } from "./datasets.ts";
import type { Program, Setting } from "../training/program.ts";

/** From pictures `[N, channels, height, width]` to the logits of the classes `[N, classes]`. */
export type Classifier = (images: Tensor) => Tensor;

export interface Recipe extends Pick<Program, "title" | "about" | "time" | "reaches" | "epochs" | "quick" | "options"> {
  /** The data sets that it can learn from, its default first (digits and MNIST). */
  readonly data?: readonly DataName[];
  /** The batch size (100). */
  readonly batchSize?: number;
  /** The least number of pictures in a batch (1): batch normalization compares several. */
  readonly least?: number;
  /** Whether each epoch goes through the pictures in an order of its own (true), or in that of the data set. */
  readonly shuffle?: boolean;
  /** Builds the model; its initial values depend on `seed(n)` of `@weft/nn`. */
  readonly model: () => Classifier;
  /** How it learns; a program may have an option for that. */
  readonly optimizer: (options?: Setting["options"]) => Optimizer;
}
