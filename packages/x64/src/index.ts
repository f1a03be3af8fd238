export * from "./assembler/operands.ts";
export { Assembler, type Code } from "./assembler/assembler.ts";
export { routine, type Convention, type RoutineOptions } from "./assembler/routine.ts";
export { instructions, type Arguments, type Instruction } from "./assembler/instructions.ts";
export { conditions, type Condition, type Feature } from "./assembler/row.ts";
