// For packages that define a fused operation: how to write a kernel for it for this backend.
export {
  aligned,
  blocksOf,
  dense,
  kernel,
  machineCode,
  outOfRange,
  routine,
  type Call,
  type CallMemory,
  type Common,
  type Operand,
  type Prepared,
  type Results,
  type Routine,
  type Work,
} from "./calls/call.ts";
export type { FusedKernel } from "@weft/kernel";
export * from "./wasm/emitter.ts";
