// The table of calls: every primitive that is neither an elementwise map nor a plain sum, max or min, and the fused
// operations that have a kernel of their own.
import type { CallOp } from "@weft/kernel";
import {
  crossEntropyGradOp,
  crossEntropyOp,
  logSoftmaxGradOp,
  logSoftmaxOp,
  softmaxGradOp,
  softmaxOp,
  UnsupportedError,
  type Attrs,
  type FusedOp,
} from "@weft/tensor";
import type { Call } from "./call.ts";
import { conv, convInputGrad, convWeightGrad } from "./convolution.ts";
import { crossEntropy, crossEntropyGrad } from "./cross-entropy.ts";
import { gather, indexAdd, scatterAdd, take } from "./indexing.ts";
import { matmul } from "./matmul.ts";
import { argmax, argmin, argsort, cumsum } from "./order.ts";
import { pools } from "./pool.ts";
import { logSoftmax, logSoftmaxGrad, softmax, softmaxGrad } from "./rows.ts";

const table = {
  matmul,
  conv,
  convInputGrad,
  convWeightGrad,
  ...pools,
  take,
  indexAdd,
  gather,
  scatterAdd,
  argmax,
  argmin,
  cumsum,
  argsort,
  softmax,
  logSoftmax,
  softmaxGrad,
  logSoftmaxGrad,
  crossEntropy,
  crossEntropyGrad,
} as const satisfies Record<string, Call> & { readonly [K in CallOp]: Call<Attrs<K>> };

// A launch has the attributes of its operation: that is known here, and nowhere else.
const calls = table as { readonly [name: string]: Call<unknown> };

/** The fused operations among them. Another package may have one of the same name: it is another operation. */
const fused: ReadonlySet<FusedOp> = new Set([
  crossEntropyGradOp,
  crossEntropyOp,
  logSoftmaxGradOp,
  logSoftmaxOp,
  softmaxGradOp,
  softmaxOp,
]);

/** Whether a fused operation has a kernel here. */
export const isFused = (op: FusedOp): boolean => fused.has(op);

export function callOf(op: string): Call<unknown> {
  const call = calls[op];
  if (call === undefined) throw new UnsupportedError(`${op}: @weft/tensor-cpu has no kernel for it`);
  return call;
}
