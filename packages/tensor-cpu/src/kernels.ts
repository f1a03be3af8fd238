// For packages that bring a kernel of a fused operation: how one is written for this backend.
export {
  aligned,
  dense,
  kernel,
  machineCode,
  routine,
  type Call,
  type CallMemory,
  type Operand,
  type Prepared,
  type Routine,
} from "./calls/call.ts";
export * from "./wasm/emitter.ts";
