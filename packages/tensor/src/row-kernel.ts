// A kernel that works row by row, written once for all backends: arithmetic on the elements of a row, and sums and
// maxima over the row. What a value (`V`) is depends on who interprets the kernel: a backend generates code.
import type { Arithmetic } from "./expression.ts";

/** What a row kernel is written with. */
export interface RowArithmetic<V> extends Arithmetic<V> {
  /**
   * The sum, the mean and the maximum over the row, of any value. One that is the same for the whole row counts once
   * for each element. Masks count as 0 and 1: their sum and maximum are i32.
   */
  sum(x: V): V;
  mean(x: V): V;
  max(x: V): V;
  /** The number of elements of the row, and the position of the element in it: i32. */
  readonly length: V;
  readonly place: V;
  /** An i32 or a mask as a number of the first operand's dtype. */
  float(x: V): V;
  /**
   * The element of a "row" or "column" operand at a position (i32), which must be the same for the whole row; an
   * arbitrary one if it is out of range.
   */
  at(x: V, place: V): V;
  /**
   * Numbers (f32, i32) that follow from attributes: they are arguments of the kernel, which is compiled only once. But
   * a call with other attributes is planned anew. A number that is another one at each step should be a "scalar"
   * operand.
   */
  number(x: number): V;
  integer(x: number): V;
  /**
   * Marks the rows (by a mask that is the same for the whole row) that were given an index out of range: reading what
   * is computed from them is an IndexError. The operation must declare its `indices`.
   */
  outOfRange(wrong: V): void;
}

/**
 * What an operand or a result holds per row. "row": a row each (it has the shape of the first operand). "scalar": one
 * number each (that shape without the row axis). "column": one number per column, the same for all rows (its shape is
 * the row length).
 */
export type RowKind = "row" | "scalar" | "column";

export interface RowKernel<A> {
  readonly operands: readonly RowKind[];
  /** One "row" by default. */
  readonly results?: readonly Exclude<RowKind, "column">[];
  /** The axis of the first operand along which its rows lie, by default the last one. May be negative. */
  readonly axis?: (attrs: A) => number;
  /** Computes the results from the operands. */
  readonly write: <V>(k: RowArithmetic<V>, attrs: A, ...operands: V[]) => readonly V[];
}
