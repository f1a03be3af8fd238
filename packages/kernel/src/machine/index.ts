// What kernels are written in below the kernel language: expressions of a vector machine, which each target has
// instructions for.
export * from "./expression.ts";
