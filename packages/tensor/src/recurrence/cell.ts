// What a recurrent cell is: its sums, gates and states, and what a step does with one unit of one row, forward and
// backward. The operations over whole sequences, their fallbacks and the kernels of backends follow from it, and so do
// the layers of `nn`.
import type { Arithmetic } from "../expression.ts";

/**
 * What a step does with one unit of one row, forward or backward, written once for tensors and for the kernels of every
 * backend. It gives the parts of each result. `alive` says whether the row has the step; without lengths it is left
 * out.
 */
export type CellFormula = <V>(k: Arithmetic<V>, alive: V | undefined, ...xs: V[]) => readonly (readonly V[])[];

/** A cell with the states h, which is what a step gives out, and `others`. */
export interface Cell {
  /** The name of its operation. */
  readonly name: string;
  /** How many sums a unit has in a step: blocks of H rows of the weights. */
  readonly parts: 1 | 3 | 4;
  /** What the sums are called, in the order of their blocks, if there are several. */
  readonly names: readonly string[];
  /** How many values of a step, beside its states, the way back needs. */
  readonly gates: 0 | 4;
  /** The states beside h. */
  readonly others: readonly string[];
  /** Whether the formula gets h·whhᵀ + bhh and what x gave apart, rather than their sum. */
  readonly apart: boolean;
  /** The states of which the way back reads the values after a step, before it, or both. */
  readonly kept: {
    readonly states: "hiddens" | "cells";
    readonly first: "h" | "c";
    readonly after: boolean;
    readonly before: boolean;
  };
  /** Whether h passes a part of its gradient on to the h before by another way than the sums, even without lengths. */
  readonly passes: boolean;
  /** From the sums, what x gave (if `apart`), `others` and h before: the gates (if there are some), `others` and h. */
  readonly forward: CellFormula;
  /**
   * From the gates, the state that is kept (after, then before), the gradients of `others` and of h after the step:
   * those of what x gave, of the recurrent sums (if `apart`), of `others` before, and the part of h's that does not
   * come through the sums (with lengths, or if h `passes`).
   */
  readonly backward: CellFormula;
}

/** The kernel of an operation over the steps of a sequence: those of a cell, or the way back through them. */
export interface SequenceKernel<A> {
  readonly cell: Cell;
  readonly back: boolean;
  /** Whether the steps go from the last to the first. */
  reverse(attrs: A): boolean;
}

/** `made` where the row has the step, else `kept`. */
export const chosen = <V>(k: Arithmetic<V>, alive: V | undefined, made: V, kept: V): V =>
  alive === undefined ? made : k.where(alive, made, kept);

/** What h passes on unchanged where the row does not have the step: one result, or none without lengths. */
export const unchanged = <V>(k: Arithmetic<V>, alive: V | undefined, d: V): readonly (readonly V[])[] =>
  alive === undefined ? [] : [[k.where(alive, k.constant(0), d)]];

/** The derivatives of σ and tanh, from their values. */
export const dSigmoid = <V>(k: Arithmetic<V>, y: V): V => k.mul(y, k.sub(k.constant(1), y));
export const dTanh = <V>(k: Arithmetic<V>, y: V): V => k.sub(k.constant(1), k.mul(y, y));
