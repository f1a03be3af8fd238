// The table of calls: every primitive that is neither an elementwise map nor a plain sum, max or min, and the fused
// operations that have a kernel of their own.
import type { CallOp } from "@weft/kernel";
import {
  crossEntropyGradOp,
  crossEntropyOp,
  gruSequenceGradOp,
  gruSequenceOp,
  logSoftmaxGradOp,
  logSoftmaxOp,
  lstmSequenceGradOp,
  lstmSequenceOp,
  softmaxGradOp,
  softmaxOp,
  standardizeGradOp,
  standardizeOp,
  UnsupportedError,
  type Attrs,
  type FusedOp,
} from "@weft/tensor";
import type { Call } from "./call.ts";
import { conv, convInputGrad, convWeightGrad } from "./conv.ts";
import { gruSequence, gruSequenceGrad } from "./gru.ts";
import { maxPool, maxPoolGrad, maxPoolPick, sumPool, sumPoolGrad } from "./pool.ts";
import { gather, indexAdd, scatterAdd, take } from "./indexing.ts";
import { lstmSequence, lstmSequenceGrad } from "./lstm.ts";
import { matmul } from "./matmul.ts";
import {
  crossEntropy,
  crossEntropyGrad,
  logSoftmax,
  logSoftmaxGrad,
  softmax,
  softmaxGrad,
  standardize,
  standardizeGrad,
} from "./rows.ts";
import { cumsum } from "./scan.ts";
import { argmax, argmin, argsort } from "./order.ts";

const table = {
  matmul,
  conv,
  convInputGrad,
  convWeightGrad,
  maxPool,
  maxPoolGrad,
  maxPoolPick,
  sumPool,
  sumPoolGrad,
  take,
  indexAdd,
  gather,
  scatterAdd,
  argmax,
  argmin,
  cumsum,
  argsort,
  softmax,
  softmaxGrad,
  logSoftmax,
  logSoftmaxGrad,
  crossEntropy,
  crossEntropyGrad,
  standardize,
  standardizeGrad,
  lstmSequence,
  lstmSequenceGrad,
  gruSequence,
  gruSequenceGrad,
} as const satisfies Record<string, Call> & { readonly [K in CallOp]: Call<Attrs<K>> };

// A launch has the attributes of its operation: that is known here, and nowhere else.
const calls = table as { readonly [name: string]: Call<unknown> };

/** The fused operations among them. Another package may have one of the same name: it is another operation. */
const fused: ReadonlySet<FusedOp> = new Set([
  crossEntropyGradOp,
  crossEntropyOp,
  gruSequenceGradOp,
  gruSequenceOp,
  logSoftmaxGradOp,
  logSoftmaxOp,
  lstmSequenceGradOp,
  lstmSequenceOp,
  softmaxGradOp,
  softmaxOp,
  standardizeGradOp,
  standardizeOp,
]);

/** Whether a fused operation has a kernel here. */
export const isFused = (op: FusedOp): boolean => fused.has(op);

export function callOf(op: string): Call<unknown> {
  const call = calls[op];
  if (call === undefined) throw new UnsupportedError(`${op}: @weft/tensor-webgpu has no kernel for it`);
  return call;
}
