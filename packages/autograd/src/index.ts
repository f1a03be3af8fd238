// Gradients: what users call, and what custom layers and optimizers are written with. What only Weft's packages need
// from each other is in `internals.ts`.
export { keep, scope } from "@weft/tensor";
export { param, Param, state, State } from "./box.ts";
export { GradientError, gradCheck } from "./check.ts";
export { checkpoint } from "./checkpoint.ts";
export { customGradient, type Custom } from "./custom.ts";
export { diff, Tape } from "./diff.ts";
export { grad, stopGradient, valueAndGrad, vjp, type Grads, type Tree } from "./functional.ts";
export { hessian, hvp, jacobian, jvp } from "./jacobian.ts";
export { StateError } from "./keeper.ts";
export type { LazyValue } from "./lazy-value.ts";
export { shapes, type Described, type Shapes } from "./shapes.ts";
export { RowSparse } from "./sparse.ts";
export { learning, training } from "./training.ts";
