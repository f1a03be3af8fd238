// For packages that bring a kernel of a fused operation: how one is written for this backend.
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
export * from "./wasm/emitter.ts";
