// What the packages of Weft need of each other: not for users, and it may change with any version. The files are the same as those
// of `index.ts`, so a program has each of them once.
export { fromHost } from "./box.ts";
export { companyOf, wasFound } from "./company.ts";
export { copiedState, draftState, KEEPER, keptState, nothing, takeState } from "./keeper.ts";
export type { Draft, Given, Keeper, NamedParam, StateRecord } from "./keeper.ts";
export { boxes, children, keepers, namedParams, walk, type NamedBox } from "./model.ts";

export { trained } from "./training.ts";
export { WeakList } from "./weak-list.ts";
