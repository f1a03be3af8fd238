// A kernel that works on whole matrices, written once for all backends: statements over the elements of the operands
// and results of one matrix of a batch. What a value (`V`) is depends on who interprets the kernel: WebGPU makes text
// of it, and the CPU runs it with numbers.

import type { DType } from "./dtype.ts";
import type { Shape } from "./ops.ts";

/** The elements of an operand or a result that belong to one matrix of the batch. */
export interface MatrixMemory<V> {
  /** i32. A vector is a row. */
  readonly rows: V;
  readonly columns: V;
  /** The element in row i and column j; of a vector element i. */
  at(i: V, j?: V): V;
  /** Writes an element. */
  put(value: V, i: V, j?: V): void;
}

/** What a matrix kernel is written with. Values are floating-point numbers, integers (i32) or conditions. */
export interface MatrixArithmetic<V> {
  constant(x: number): V;
  integer(x: number): V;
  /** The distance from 1 to the next number of the dtype. */
  readonly epsilon: V;
  /** An integer as a number, and a number that is whole as an integer. */
  float(i: V): V;
  whole(x: V): V;
  add(a: V, b: V): V;
  sub(a: V, b: V): V;
  mul(a: V, b: V): V;
  /** Of numbers. */
  div(a: V, b: V): V;
  /** Of integers: the quotient, rounded down, and its remainder; b is positive. */
  quotient(a: V, b: V): V;
  remainder(a: V, b: V): V;
  max(a: V, b: V): V;
  abs(a: V): V;
  sqrt(a: V): V;
  less(a: V, b: V): V;
  equal(a: V, b: V): V;
  where(condition: V, a: V, b: V): V;
  /** x, computed here and once. A value that is used twice, or after what it is read from has changed, needs it. */
  keep(x: V): V;
  /** The sum of f(i) for begin ≤ i < end, added up by whoever asks. */
  sum(begin: V, end: V, f: (i: V) => V): V;
  /** The sum, maximum or minimum of f(i), shared by all: only outside of `each` and `grid`. */
  over(fold: "sum" | "max" | "min", begin: V, end: V, f: (i: V) => V): V;
  /** Runs f for begin ≤ i < end, one after the other. Outside of `each` the bounds must be the same for all. */
  loop(begin: V, end: V, f: (i: V) => void): void;
  /** Runs f for each i, all at once: no f may write what another one reads. What follows sees all that they wrote. */
  each(begin: V, end: V, f: (i: V) => void): void;
  /** The same for each row i and column j. */
  grid(rows: readonly [begin: V, end: V], columns: readonly [begin: V, end: V], f: (i: V, j: V) => void): void;
  /** Runs f if the condition holds. Outside of `each` the condition must come from `over`, and is the same for all. */
  when(condition: V, f: () => void): void;
  // What follows could be written with the above. The CPU runs it many times faster.
  /** The sum of x[r, i] · y[r, j] for begin ≤ r < end, added up by whoever asks. */
  inner(x: MatrixMemory<V>, i: V, y: MatrixMemory<V>, j: V, begin: V, end: V): V;
  /** The sums of x[r, i]², of x[r, j]² and of x[r, i] · x[r, j] over all rows, added up by whoever asks. */
  gram(x: MatrixMemory<V>, i: V, j: V): readonly [ii: V, jj: V, ij: V];
  /** x[r, i] becomes x[r, i] − factor · y[r, j] for begin ≤ r < end. */
  subtract(x: MatrixMemory<V>, i: V, factor: V, y: MatrixMemory<V>, j: V, begin: V, end: V): void;
  /** Rotates columns i and j of x by an angle that is given by its sine and the tangent of its half. */
  rotate(x: MatrixMemory<V>, i: V, j: V, sine: V, half: V): void;
  /** x[i, j] becomes x[i, j] − y[i, c] · z[c, j] for these rows and columns, all at once. */
  eliminate(
    x: MatrixMemory<V>,
    rows: readonly [begin: V, end: V],
    columns: readonly [begin: V, end: V],
    y: MatrixMemory<V>,
    z: MatrixMemory<V>,
    c: V,
  ): void;
}

/**
 * What an operand or a result holds for each matrix of the batch: its last two axes, its last axis, or one number. The
 * axes before are the batch, the same for all.
 */
export type MatrixKind = "matrix" | "vector" | "scalar";

/** The memory of a host: the same bytes as numbers of each type. */
export interface HostMemory {
  readonly f32: Float32Array;
  readonly f64: Float64Array;
  readonly i32: Int32Array;
}

export interface MatrixKernel<A> {
  readonly operands: readonly MatrixKind[];
  readonly results: readonly MatrixKind[];
  /** Computes the results. They hold arbitrary values before, and may serve as memory. */
  readonly write: <V>(k: MatrixArithmetic<V>, attrs: A, ...memories: MatrixMemory<V>[]) => void;
  /** How many matrices its first result holds, if it has this shape. */
  readonly count: (shape: Shape) => number;
  /** Runs it with numbers, for matrices begin…end-1 of the batch. Operands and results begin at byte addresses. */
  readonly run: (
    attrs: A,
    memory: HostMemory,
    operands: readonly { readonly shape: Shape; readonly dtype: DType }[],
    addresses: readonly number[],
    begin: number,
    end: number,
  ) => void;
}

/** The shape of one matrix of the batch: of the axes of a tensor the last ones, as many as the kind says. */
export const ownShape = (kind: MatrixKind, shape: Shape): Shape =>
  shape.slice(shape.length - { matrix: 2, vector: 1, scalar: 0 }[kind]);
