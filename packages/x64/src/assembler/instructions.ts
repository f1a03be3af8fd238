// The table of all instructions, by the names of Intel's manual: the forms that each has, the shortest encoding first.
import { generalInstructions } from "./general-instructions.ts";
import type { OperandsOf } from "./row.ts";
import { vectorArithmetic } from "./vector-arithmetic.ts";
import { vectorMovement } from "./vector-movement.ts";

export const instructions = { ...generalInstructions, ...vectorArithmetic, ...vectorMovement };

type Instructions = typeof instructions;
export type Instruction = keyof Instructions;

/** What each instruction is given: the operands of one of its forms. */
export type Arguments = { readonly [N in Instruction]: OperandsOf<Instructions[N][number]> };
