// The table of calls: every primitive that is neither an elementwise map nor a plain sum, max or min, and the fused
// operations that have a kernel of their own.
import type { AnyOp, CallOp, FusedKernel } from "@weft/kernel";
import type { Attrs } from "@weft/tensor";
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
} from "@weft/tensor/internals";
import { kernel, type Call, type Calls } from "./call.ts";
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
} as const satisfies { readonly [K in CallOp]: Call<Attrs<K>> };

/** The fused operations with a kernel. */
const fused = [
  kernel(crossEntropyGradOp, crossEntropyGrad),
  kernel(crossEntropyOp, crossEntropy),
  kernel(gruSequenceGradOp, gruSequenceGrad),
  kernel(gruSequenceOp, gruSequence),
  kernel(logSoftmaxGradOp, logSoftmaxGrad),
  kernel(logSoftmaxOp, logSoftmax),
  kernel(lstmSequenceGradOp, lstmSequenceGrad),
  kernel(lstmSequenceOp, lstmSequence),
  kernel(softmaxGradOp, softmaxGrad),
  kernel(softmaxOp, softmax),
  kernel(standardizeGradOp, standardizeGrad),
  kernel(standardizeOp, standardize),
];

/**
 * All calls; those from outside come last, and win. A launch has the attributes of its operation: that is known here, and nowhere
 * else.
 */
export const callsWith = (kernels: readonly FusedKernel[]): Calls =>
  new Map<AnyOp, Call<unknown>>([
    ...(Object.entries(table) as [CallOp, Call<unknown>][]),
    ...[...fused, ...kernels].map(({ op, call }) => [op, call as Call<unknown>] as const),
  ]);
