// What the planner must know of a call beyond its operands and result: the backend supplies one record per operation.
import type { DType, Shape } from "@weft/tensor";
import type { AnyOp } from "../graph/operation.ts";
import type { CallLaunch } from "./plan.ts";

/** How a call can run by rows. */
export interface Rowwise {
  readonly rows: number;
  /** Inputs of which row i of the result needs only row i. */
  readonly local: readonly number[];
}

export interface CallTraits<Attrs = unknown> {
  /** Dtypes that the operands of a fused operation may have (default: f32); with others its fallback runs. */
  readonly dtypes?: readonly DType[];
  /** Whether it takes this layout of an operand without a copy. It always takes row-major operands. */
  accepts?(
    input: number,
    operand: { readonly shape: Shape; readonly strides: readonly number[]; readonly dtype: DType },
  ): boolean;
  /** Whether it can run an epilogue on stretches of its only result. */
  readonly epilogue?: boolean;
  /** Whether its first result may overwrite its first operand. */
  readonly inPlace?: boolean;
  /** How it can be a link of a chain; undefined if it cannot run by rows or is too large for that to pay off. */
  rowwise?(launch: CallLaunch<Attrs>): Rowwise | undefined;
}

export type TraitsOf = (op: AnyOp) => CallTraits;
