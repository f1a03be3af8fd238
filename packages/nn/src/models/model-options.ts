// The options of the models.
import { positiveCount, readOptions } from "@weft/tensor/internals";

export interface ModelOptions {
  /** How many classes the last layer tells apart. */
  readonly numClasses?: number;
}

/** How many classes a model has: those of ImageNet unless an option says otherwise. */
export const classesOf = (name: string, options: ModelOptions | undefined): number =>
  readOptions(name, options, { numClasses: positiveCount }, { numClasses: 1000 }).numClasses;
