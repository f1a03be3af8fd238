// What a rule is: the initial state of a parameter, and the formula of one step.
import type { Param, RowSparse } from "@weft/autograd";
import type { Tensor } from "@weft/tensor";

/** What a rule is told about the step. */
export interface StepInfo {
  readonly lr: number;
  /** How many updates this parameter has had, this one included. */
  readonly t: number;
}

/** Tensors by name. */
export type Tensors<Name extends string = string> = Readonly<Record<Name, Tensor>>;

/**
 * An optimizer's formula: the initial state of a parameter, by the names `Name`, and one step. Both compute row by row.
 */
export interface Rule<Name extends string = string> {
  readonly name: string;
  /** The initial state, by any names but `t`. It may depend on the values of the parameter, but its shapes may not. */
  init(p: Tensor): Tensors<Name>;
  update(g: Tensor, p: Tensor, state: Tensors<Name>, step: StepInfo): readonly [p: Tensor, state: Tensors<Name>];
  /** The new parameter from a row-sparse gradient, for rules where touching only its rows gives the dense result. */
  rows?(g: RowSparse, p: Tensor, step: StepInfo): Tensor;
}

/** Shapes and dtypes by name. */
export type Shapes = Readonly<Record<string, Pick<Tensor, "shape" | "dtype">>>;

/** A rule inside an optimizer. */
export interface Formula<Name extends string = string> extends Omit<Rule<Name>, "name"> {
  /** The shapes of what `init` makes for a parameter, which may not be initialized yet. */
  shapes(p: Param): Shapes;
}
