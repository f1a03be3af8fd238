// A kernel that works row by row, written once for every backend: arithmetic on the elements of a row, and sums and maxima over
// it. What a value is (`V`) is the interpreter's choice: a backend writes machine code for it.
import type { Arithmetic } from "./expression.ts";

/** What the kernel of a row is written with. */
export interface RowArithmetic<V> extends Arithmetic<V> {
  /** The sum, the mean and the largest element of the row, of any value that is computed from its elements. */
  sum(x: V): V;
  mean(x: V): V;
  max(x: V): V;
  /** How many elements the row has, and the place of each among them: i32. */
  readonly length: V;
  readonly place: V;
  /** An i32 as f32. */
  float(x: V): V;
  /** The element of an operand of kind "row" or "column" at a place; any of them where there is no such place. */
  at(x: V, place: V): V;
  /** Numbers (f32, i32) that may change from call to call: arguments of the kernel, so that no other kernel is made for them. */
  number(x: number): V;
  integer(x: number): V;
  /** Rows where this holds were given an index out of range: reading what is computed from them is an IndexError. */
  outOfRange(wrong: V): void;
}

/**
 * What an operand or a result has for a row: "row" a row of its own (it has the shape of the first operand), "scalar" one number (that
 * shape without the axis of rows), "column" the same row for all of them (the shape is the length of a row).
 */
export type RowKind = "row" | "scalar" | "column";

export interface RowKernel<A> {
  readonly operands: readonly RowKind[];
  /** One "row" if left out. */
  readonly results?: readonly Exclude<RowKind, "column">[];
  /** The axis of the first operand along which its rows lie; the last one if left out. */
  readonly axis?: (attrs: A) => number;
  /** From the operands, the results. */
  readonly write: <V>(k: RowArithmetic<V>, attrs: A, ...operands: V[]) => readonly V[];
}
