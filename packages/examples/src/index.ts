// The models of the examples, and functions to evaluate them, for other programs.
export { accuracyOf, answers, confusion, measure, mistakes, type Answer } from "./evaluation.ts";
export { cifarBatchnorm } from "./models/cifar-batchnorm.ts";
export { lenet } from "./models/lenet.ts";
export { LinearRegression } from "./models/linreg.ts";
export { mlp } from "./models/mlp.ts";
export { softmax } from "./models/softmax.ts";
export { vgg } from "./models/vgg.ts";
export type { Classifier, Recipe } from "./recipe.ts";
