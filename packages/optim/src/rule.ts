// What a rule is: what a parameter's state begins as, and one step of it.
import type { Param, RowSparse } from "@weft/autograd";
import type { Tensor } from "@weft/tensor";

/** What a rule knows about its step. */
export interface Step {
  readonly lr: number;
  /** How many updates this parameter has had, this one included. */
  readonly t: number;
}

/** Tensors by name. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** An optimizer's formula: what a parameter's state begins as, and one step of it. Both compute row by row. */
export interface Rule {
  readonly name: string;
  /** The state, by any names but `t`. It may depend on the values of the parameter, but its shapes may not. */
  init(p: Tensor): Tensors;
  update(g: Tensor, p: Tensor, state: Tensors, step: Step): readonly [p: Tensor, state: Tensors];
  /** The new parameter from a row-sparse gradient, where that equals the dense result and costs only the rows touched. */
  rows?(g: RowSparse, p: Tensor, step: Step): Tensor;
}

/** Shapes and dtypes by name. */
export type Shapes = Readonly<Record<string, Pick<Tensor, "shape" | "dtype">>>;

/** A rule as an optimizer has it. */
export interface Formula extends Omit<Rule, "name"> {
  /** What `init` makes for a parameter, which may have no value yet. */
  shapes(p: Param): Shapes;
}
