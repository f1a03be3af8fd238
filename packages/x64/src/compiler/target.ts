// What a processor's vectors are, and how each operation on them is written.
import type { Expr, NumberType, Op, PartialOp, rows, Words } from "@weft/kernel/machine";
import type { Memory, Vector } from "../assembler/operands.ts";
import type { Condition, Feature } from "../assembler/row.ts";
import type { Generator } from "./generator.ts";
import type { conditions, integers } from "./integers.ts";

/** Writes a value: in `into`, in the register of a local, or in one that the caller gives back. */
export type WriteVector = (g: Generator, e: Expr, into?: Vector) => Vector;

export type WriteStore = (g: Generator, e: Expr) => void;
/** Sets the flags; the condition says whether the i32 is not 0. */
export type WriteTest = (g: Generator, e: Expr) => Condition;

type StoreOp = Extract<Op | PartialOp, `${string}.store${string}`>;
export type RealTestOp = `${"f32" | "f64"}.${Words<(typeof rows)["floatTests"]>}`;
type TestOp = "lanes.any" | RealTestOp;
/** What is the same on every target, or another operation beforehand. */
type Untargeted =
  | keyof typeof integers
  | keyof typeof conditions
  | "i32.eqz"
  | "local"
  | "tee"
  | "call"
  | `choose.${NumberType}`;
/** Of vectors and of floating-point numbers: all that there is besides. */
type ValueOp = "select" | Exclude<Op | PartialOp, StoreOp | TestOp | Untargeted>;

export interface Target {
  readonly name: string;
  readonly bits: 256 | 512;
  readonly lanes: 8 | 16;
  readonly registers: 16 | 32;
  readonly needs: readonly Feature[];
  readonly values: Readonly<Record<ValueOp, WriteVector>>;
  readonly stores: Readonly<Record<StoreOp, WriteStore>>;
  readonly tests: Readonly<Record<TestOp, WriteTest>>;
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
