// Optimizers, schedules, training loops and searches.
export { accumulate } from "./accumulate.ts";
export { converge, DivergenceError, type Convergence } from "./converge.ts";
export { gradientsOf, type Gradient } from "./gradient.ts";
export { lbfgs, type LbfgsOptions, type LossOptimizer } from "./lbfgs/lbfgs.ts";
export { minimize, type Minimization } from "./minimize.ts";
export type { Group, OptimizerOptions, Rate } from "./groups.ts";
export { optimizer, type Optimizer } from "./optimizer.ts";
export type { Rule, StepInfo, Tensors } from "./rule.ts";
export type { Run } from "./run.ts";
export * from "./rules/index.ts";
export * from "./schedules/index.ts";
export { goldenSection, type GoldenSectionOptions, type History, type Minimum } from "./search/goldenSection.ts";
export { hyperband, type Best, type HyperbandOptions } from "./search/hyperband.ts";
export { chain, clipGlobalNorm, clipNorm, clipValue, weightDecay } from "./transforms.ts";
export type { AsyncOptimizer, AsyncTransform, Gate, Transform } from "./transforms.ts";
