// The kernel language, and the deferred graph that decides which operations share a launch. No machine code.
export { arithmeticOf, expressions, type ElementwiseOp } from "./expressions/index.ts";
export * from "./deferred.ts";
export type * from "./run/driver.ts";
export { BoundedCache } from "./graph/bounded-cache.ts";
export { Fault } from "./graph/fault.ts";
export * from "./fused-kernel.ts";
export * from "./language.ts";
export { Node, type Storage } from "./graph/node.ts";
export { codeOf, nameOf, type AnyOp, type CallOp } from "./graph/operation.ts";
export { chained, type Arrange } from "./plan/chain.ts";
export type * from "./plan/traits.ts";
export { rowProgram, type RowNumber, type RowOperation, type RowPass, type RowProgram } from "./rows.ts";
export type { Trial } from "./run/trial.ts";
export { numberOf, touched } from "./plan/plan.ts";
export type * from "./plan/plan.ts";
export { showPlan } from "./plan/show-plan.ts";
export { bytesOfClass, classOf } from "./run/size-class.ts";
export { isRowMajor, linesAlong, rowMajor, type View } from "./graph/view.ts";
