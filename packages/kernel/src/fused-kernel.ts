// Kernels of fused operations that a backend does not have: the package that defines the operation supplies them.
import { ArgumentError, type FusedOp } from "@weft/tensor";
import type { OptionKind } from "@weft/tensor/internals";
import type { CallTraits } from "./plan/traits.ts";

/**
 * A kernel of a fused operation for one backend: made by the backend's `kernel(op, call)`, passed to `open({ kernels
 * })`.
 */
export interface FusedKernel<Backend extends string = string> {
  readonly backend: Backend;
  readonly op: FusedOp;
  /** A call of that backend. Its full type needs declarations that a program's `lib` may lack. */
  readonly call: CallTraits;
}

/** The type of the option `kernels`. */
export const kernelsFor = <Backend extends string>(backend: Backend): OptionKind<readonly FusedKernel<Backend>[]> => ({
  wanted: `a list of what kernel() of ${backend}/kernels gives`,
  is: (x): x is readonly FusedKernel<Backend>[] =>
    Array.isArray(x) &&
    x.every((item: FusedKernel | null | undefined) => {
      const given = item?.backend ?? "";
      // The message says more than `wanted` could.
      if (given !== "" && given !== backend) throw new ArgumentError(`open: ${backend} got a kernel of ${given}`);
      return given !== "";
    }),
});
