// What a kernel is, and the deferred graph that decides what shares a launch. No code for any machine.
export * from "./deferred.ts";
export type * from "./driver.ts";
export * from "./language.ts";
export { codeOf, Node, type CallOp, type Storage } from "./node.ts";
export type * from "./plan.ts";
export { bytesOfClass, classOf } from "./size-class.ts";
export { isRowMajor, rowMajor, sizeOf, type View } from "./view.ts";
