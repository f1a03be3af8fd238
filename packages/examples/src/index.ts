// The models of the examples, and functions to train and evaluate them, for other programs.
export { accuracyOf, answers, confusion, mistakes, type Answer } from "./evaluation.ts";
export { lenet } from "./models/lenet.ts";
export { linreg } from "./models/linreg.ts";
export { mlp } from "./models/mlp.ts";
export { softmax } from "./models/softmax.ts";
export type { Classifier, Recipe } from "./recipe.ts";
export { measure, train, type Epoch, type TrainingOptions } from "./training.ts";
