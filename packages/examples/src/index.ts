// The models of the examples, and functions to evaluate them, for other programs.
export { accuracyOf, answers, confusion, measure, mistakes, type Answer } from "./evaluation.ts";
export { cifarBatchnorm } from "./models/cifar-batchnorm.ts";
export { lenet } from "./models/lenet.ts";
export { mlp } from "./models/mlp.ts";
export { softmax } from "./models/softmax.ts";
export { vgg } from "./models/vgg.ts";
export type { Classifier, Recipe } from "./recipe.ts";
export type { BackendName } from "./backends.ts";
export { measurements, started, stepsOf, type Measurement } from "./measurements.ts";
export { isValues, type Learner, type Step } from "./program.ts";
export { here, tables, type Line, type Table } from "./published.ts";
