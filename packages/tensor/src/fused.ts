// The second, open table: an operation with a name, a shape rule and a fallback written in primitives.
// A backend may run it as one kernel; without one the fallback runs, and a tape sees the primitives.
import type { DType } from "./dtype.ts";
import type { Value } from "./interpreter.ts";
import type { Shape } from "./ops.ts";
import type { Tensor } from "./tensor.ts";

export interface FusedOp<A = any> {
  readonly name: string;
  /** Shapes and dtypes of the results; throws what the operation throws on bad input. */
  infer(inputs: readonly Value[], attrs: A): readonly { readonly shape: Shape; readonly dtype: DType }[];
  /** The meaning, in primitives and other fused operations. */
  fallback(inputs: readonly Value[], attrs: A): readonly Tensor[];
}
