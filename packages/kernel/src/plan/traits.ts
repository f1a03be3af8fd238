// What the planner must know of a call beyond its operands and result: one record per operation, which the backend gives.
import type { DType, Shape } from "@weft/tensor";
import type { AnyOp } from "../graph/operation.ts";
import type { CallLaunch } from "./plan.ts";

/** How a call can be run by rows. */
export interface Rowwise {
  readonly rows: number;
  /** Inputs of which row i alone is needed for row i of the result. */
  readonly local: readonly number[];
}

export interface CallTraits<Attrs = unknown> {
  /** Dtypes that the operands of a fused operation may have (f32 and i32, if left out); with others its fallback runs. */
  readonly dtypes?: readonly DType[];
  /** Which layouts of an operand it takes without a copy; row-major it always does. */
  accepts?(
    input: number,
    operand: { readonly shape: Shape; readonly strides: readonly number[]; readonly dtype: DType },
  ): boolean;
  /** Whether it can run an epilogue on stretches of its result, if it has one result. */
  readonly epilogue?: boolean;
  /** Whether it may write its first result over its first operand. */
  readonly inPlace?: boolean;
  /** How it can be a link of a chain; undefined where it cannot be run by rows, or is too large for that to pay. */
  rowwise?(launch: CallLaunch<Attrs>): Rowwise | undefined;
}

export type TraitsOf = (op: AnyOp) => CallTraits;
