export * from "./assembler/operands.ts";
export { Assembler, type Code } from "./assembler/assembler.ts";
export { routine, type Convention, type RoutineOptions } from "./assembler/routine.ts";
export { instructions, type Arguments, type Instruction } from "./assembler/instructions.ts";
export { conditions, type Condition, type Feature } from "./assembler/row.ts";
export {
  callerCode,
  callerIn,
  openCodeMemory,
  type Caller,
  type CodeMemory,
  type CodeMemoryOptions,
  type Routine,
} from "./memory/code-memory.ts";
export type { System } from "./memory/system.ts";
export { describeProcessor, readProcessor, type Ask, type Processor } from "./processor.ts";
export type { Refusal } from "@weft/kernel/machine";
export { compile, type Compiled } from "./compiler/compile.ts";
export { X64Module } from "./compiler/statements.ts";
export { avx2 } from "./compiler/avx2.ts";
export { avx512 } from "./compiler/avx512.ts";
export type { Target } from "./compiler/target.ts";
export { machines } from "./machines.ts";
export { nativeCode } from "./native-code.ts";
