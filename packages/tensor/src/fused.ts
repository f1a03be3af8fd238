// The second, open table: an operation with a name, a shape rule, a fallback written in primitives, and its derivative.
// A backend may run it as one kernel; without one the fallback runs. A tape records it as one operation either way.
import type { DType } from "./dtype.ts";
import type { Expression } from "./expression.ts";
import type { Value } from "./interpreter.ts";
import type { Shape } from "./ops.ts";
import type { RowKernel } from "./row-kernel.ts";
import type { Tensor } from "./tensor.ts";

/** From the gradients of all results to that of one operand; undefined where there is none. */
export type FusedPullback = ((...gs: Tensor[]) => Tensor) | undefined;

/** An operand that chooses positions along an axis. A wrong choice is an IndexError of the result, and of what is computed from it. */
export interface Indices<A = any> {
  /** Which operand it is. */
  readonly operand: number;
  /** How many positions there are to choose from. */
  size(inputs: readonly { readonly shape: Shape }[], attrs: A): number;
  /** The one index outside that is no mistake, if there is one. */
  ignored?(attrs: A): number | undefined;
  /** Whether messages call it a label, and what it chooses from classes (false). */
  readonly labels?: boolean;
}

export interface FusedOp<A = any> {
  readonly name: string;
  /** Shapes and dtypes of the results; throws what the operation throws on bad input. */
  infer(inputs: readonly Value[], attrs: A): readonly { readonly shape: Shape; readonly dtype: DType }[];
  /** The meaning, in primitives and other fused operations. */
  fallback(inputs: readonly Value[], attrs: A): readonly Tensor[];
  /** Of an elementwise operation without attributes (`elementwiseOp`): what backends evaluate inside the kernels of its neighbors. */
  readonly expression?: Expression;
  readonly indices?: Indices<A>;
  /** The derivative: one pullback per operand. Without it a tape records the primitives of the fallback. */
  gradient?(results: readonly Tensor[], inputs: readonly Value[], attrs: A): readonly FusedPullback[];
  /** Its kernel, if it works row by row: every backend translates it. */
  readonly rows?: RowKernel<A>;
}
