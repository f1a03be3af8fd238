// The table of calls: every primitive that is neither an elementwise map nor a plain sum, max or min, and the fused
// operations that have a kernel of their own.
import type { AnyOp, CallOp, FusedKernel } from "@weft/kernel";
import type { Attrs } from "@weft/tensor";
import {
  crossEntropyGradOp,
  crossEntropyOp,
  logSoftmaxGradOp,
  logSoftmaxOp,
  softmaxGradOp,
  softmaxOp,
} from "@weft/tensor/internals";
import { kernel, type Call } from "./call.ts";
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
} as const satisfies { readonly [K in CallOp]: Call<Attrs<K>> };

/** The fused operations with a kernel. */
const fused = [
  kernel(crossEntropyGradOp, crossEntropyGrad),
  kernel(crossEntropyOp, crossEntropy),
  kernel(logSoftmaxGradOp, logSoftmaxGrad),
  kernel(logSoftmaxOp, logSoftmax),
  kernel(softmaxGradOp, softmaxGrad),
  kernel(softmaxOp, softmax),
];

/**
 * Calls of primitives by name, of fused operations by object; those from outside come last, and win. A launch has the attributes of
 * its operation: that is known here, and nowhere else.
 */
export const callsWith = (kernels: readonly FusedKernel[]): ReadonlyMap<AnyOp, Call<unknown>> =>
  new Map<AnyOp, Call<unknown>>([
    ...(Object.entries(table) as [CallOp, Call<unknown>][]),
    ...[...fused, ...kernels].map(({ op, call }) => [op, call as Call<unknown>] as const),
  ]);
