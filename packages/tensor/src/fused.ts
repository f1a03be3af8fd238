// The second, open table: an operation with a name, a shape rule, a fallback written in primitives, and its derivative.
// A backend may run it as one kernel; without one the fallback runs. A tape records it as one operation either way.
import type { DType } from "./dtype.ts";
import type { Value } from "./interpreter.ts";
import type { Shape } from "./ops.ts";
import type { Tensor } from "./tensor.ts";

/** From the gradients of all results to that of one operand; undefined where there is none. */
export type FusedPullback = ((...gs: Tensor[]) => Tensor) | undefined;

export interface FusedOp<A = any> {
  readonly name: string;
  /** Shapes and dtypes of the results; throws what the operation throws on bad input. */
  infer(inputs: readonly Value[], attrs: A): readonly { readonly shape: Shape; readonly dtype: DType }[];
  /** The meaning, in primitives and other fused operations. */
  fallback(inputs: readonly Value[], attrs: A): readonly Tensor[];
  /** The derivative: one pullback per operand. Without it a tape records the primitives of the fallback. */
  gradient?(results: readonly Tensor[], inputs: readonly Value[], attrs: A): readonly FusedPullback[];
}
