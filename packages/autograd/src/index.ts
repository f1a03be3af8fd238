// Gradients: what users call, and what layers and optimizers build on.
export { keep, scope } from "@weft/tensor";
export { fromHost, param, Param, state, State, type LazyValue } from "./box.ts";
export { GradientError, gradCheck } from "./check.ts";
export { checkpoint } from "./checkpoint.ts";
export { customGradient, type Custom } from "./custom.ts";
export { diff, Tape } from "./diff.ts";
export { grad, stopGradient, valueAndGrad, vjp, type Grads, type Tree } from "./functional.ts";
export { companyOf, wasFound } from "./company.ts";
export { copiedState, draftState, KEEPER, keptState, nothing, StateError, takeState } from "./keeper.ts";
export type { Draft, Given, Keeper, Keeping, Kept, NamedParam, StateRecord } from "./keeper.ts";
export { boxes, children, keepers, namedParams, walk, type NamedBox } from "./model.ts";
export type { FusedRule, Pullback, Rule, Rules } from "./rule.ts";
export { rules } from "./rules.ts";
export { RowSparse } from "./sparse.ts";
export { learning, trained, training } from "./training.ts";
export { WeakList } from "./weak-list.ts";
