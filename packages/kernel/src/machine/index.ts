// What kernels are written in below the kernel language: functions over the expressions of a vector machine, for which
// each target has instructions.
export * from "./expression.ts";
export * from "./code.ts";
export type * from "./machine.ts";
export * from "./native.ts";
