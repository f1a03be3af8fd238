// What Weft's packages need from each other: not for users, and it may change with any version. It exports from the
// same files as `index.ts`, so a program has each of them once.
export { overlay, Watch } from "./box-replay.ts";
export { companyOf, wasFound } from "./company.ts";
export { copiedState, draftState, KEEPER, keeperOf, keptState, nothing, preparedState } from "./keeper.ts";
export type { Draft, Given, Keeper, Kept, NamedParam, StateRecord } from "./keeper.ts";
export { fromHost } from "./lazy-value.ts";
export { boxes, byName, children, keepers, namedParams, namesOf, walk, type NamedBox } from "./model.ts";
export { onShapes } from "./shapes.ts";
export { GivenValue, substituted, type Substitution } from "./substitution.ts";
export { trained } from "./training.ts";
export { WeakList } from "./weak-list.ts";
