// Kernels of fused operations that a backend does not have: the package that defines the operation supplies them.
import { ArgumentError, type FusedOp } from "@weft/tensor";
import type { OptionKind } from "@weft/tensor/internals";
import type { AnyOp, CallOp } from "./graph/operation.ts";
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

/** Calls of primitives by name, of fused operations by object. */
export interface Calls<Call> {
  get(op: AnyOp): Call | undefined;
  /** The operations whose kernels a package outside brings. */
  readonly foreign: ReadonlySet<AnyOp>;
}

/**
 * All calls of a backend: its primitives, then kernels from outside, which win. An operation that works row by row, on
 * whole matrices, or through the steps of a sequence brings its own: `callOf` makes a call of it. A launch has the
 * attributes of its operation: this is the only place that relies on it.
 */
export function callsOf<Call extends CallTraits>(
  primitives: Readonly<Record<CallOp, object>>,
  outside: readonly FusedKernel[],
  callOf: (op: FusedOp) => Call | undefined,
): Calls<Call> {
  const calls = new Map<AnyOp, Call>([
    ...(Object.entries(primitives) as [CallOp, Call][]),
    ...outside.map(({ op, call }) => [op, call as Call] as const),
  ]);
  // Weak: a program may make operations as it goes.
  const brought = new WeakMap<FusedOp, Call>();
  return {
    foreign: new Set(outside.map(({ op }) => op)),
    get: (op) => {
      let call = calls.get(op);
      if (call !== undefined || typeof op === "string") return call;
      call = brought.get(op) ?? callOf(op);
      if (call !== undefined) brought.set(op, call);
      return call;
    },
  };
}
