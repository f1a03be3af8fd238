// What a processor's vectors are, and how each operation on them is written.
import type { Expr } from "@weft/kernel/machine";
import type { Memory, Vector } from "../assembler/operands.ts";
import type { Condition, Feature } from "../assembler/row.ts";
import type { Generator } from "./generator.ts";

/** Writes a value: in `into`, in the register of a local, or in one that the caller gives back. */
export type WriteVector = (g: Generator, e: Expr, into?: Vector) => Vector;

export interface Target {
  readonly name: string;
  readonly bits: 256 | 512;
  readonly lanes: 8 | 16;
  readonly registers: 16 | 32;
  readonly needs: readonly Feature[];
  readonly values: Readonly<Record<string, WriteVector>>;
  readonly stores: Readonly<Record<string, (g: Generator, e: Expr) => void>>;
  /** Sets the flags. */
  readonly tests: Readonly<Record<string, (g: Generator, e: Expr) => Condition>>;
  /** A number in each lane, as an operand in memory. */
  constant(g: Generator, n: number, float: boolean): Memory;
  /** `to` = all ones in the lanes where the comparison holds. */
  compare(g: Generator, to: Vector, a: Vector, b: Vector, how: FloatTest): void;
}

export type FloatTest = "eq" | "lt" | "le" | "unordered" | "ne" | "ge" | "gt" | "ordered";
/** The numbers of comparisons. */
export const floatTests: Readonly<Record<FloatTest, number>> = {
  eq: 0, lt: 1, le: 2, unordered: 3, ne: 4, ordered: 7, ge: 13, gt: 14,
}; // prettier-ignore
