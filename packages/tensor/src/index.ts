// Everything that users, backends and the packages above may import.
export * from "./apply.ts";
export * from "./context.ts";
export * from "./dtype.ts";
export * from "./errors.ts";
export type * from "./fused.ts";
export * from "./interpreter.ts";
export type * from "./ops.ts";
export * from "./rules.ts";
export * from "./scope.ts";
export * from "./tensor.ts";
