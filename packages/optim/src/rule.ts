// What a rule is: what a parameter's state begins as, and one step of it.
import type { RowSparse } from "@weft/autograd";
import type { Tensor } from "@weft/tensor";

/** What a rule knows about its step. */
export interface Step {
  readonly lr: number;
  /** How many updates this parameter has had, this one included. */
  readonly t: number;
}

/** Tensors by name. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** What a parameter's state begins as, and one step of it. Both compute row by row. */
export interface Formula {
  init(p: Tensor): Tensors;
  update(g: Tensor, p: Tensor, state: Tensors, step: Step): readonly [p: Tensor, state: Tensors];
  /** The new parameter from a row-sparse gradient, where that equals the dense result and costs only the rows touched. */
  rows?(g: RowSparse, p: Tensor, step: Step): Tensor;
}

/** An optimizer's formula, and what it is called. */
export interface Rule extends Formula {
  readonly name: string;
}
