// Kernels for fused operations that a backend does not know, brought by whoever has the operation.
import type { FusedOp } from "@weft/tensor";
import type { OptionKind } from "@weft/tensor/internals";
import type { CallTraits } from "./plan/traits.ts";

/** A kernel of a fused operation for one backend: what `kernel(op, call)` of that backend gives, and its `open({ kernels })` takes. */
export interface FusedKernel<Backend extends string = string> {
  readonly backend: Backend;
  readonly op: FusedOp;
  /** A call of that backend; what else it has is said by types that a program's `lib` may lack. */
  readonly call: CallTraits;
}

/** The kind of the option `kernels`. */
export const kernelsFor = <Backend extends string>(backend: Backend): OptionKind<readonly FusedKernel<Backend>[]> => ({
  wanted: `a list of what kernel() of ${backend}/kernels gives`,
  is: (x): x is readonly FusedKernel<Backend>[] =>
    Array.isArray(x) && x.every((item: FusedKernel | null | undefined) => item?.backend === backend),
});
