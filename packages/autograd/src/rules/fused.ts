// Derivatives of fused operations, by name. The table is open: an operation without a rule is recorded as the primitives
// of its fallback, and so is one that the backend cannot run as one.
import {
  applyFused,
  crossEntropyGradOp,
  logSoftmaxGradOp,
  mul,
  reshape,
  softmaxGradOp,
  type FusedOp,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import type { FusedName, FusedRule } from "../rule.ts";

const first = <A>(op: FusedOp<A>, inputs: Operand[], attrs: A): Tensor => applyFused(op, inputs, attrs)[0]!;

export const fusedRules: { readonly [name: FusedName]: FusedRule | undefined } = {
  softmax: ([y], _, attrs) => [(g) => first(softmaxGradOp, [y!, g], attrs)],
  logSoftmax: ([y], _, attrs) => [(g) => first(logSoftmaxGradOp, [y!, g], attrs)],
  crossEntropy: (_, [x, labels], attrs) => [
    (g) => mul(first(crossEntropyGradOp, [x!, labels!], attrs), reshape(g, [-1, 1])),
    undefined,
  ],
};
