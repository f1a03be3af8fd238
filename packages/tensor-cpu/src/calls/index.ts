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
} as const satisfies { readonly [K in CallOp]: Call<Attrs<K>> };

// A launch has the attributes of its operation: that is known here, and nowhere else.
const kernel = <A>(op: FusedOp<A>, call: Call<A>) => [op, call as Call<unknown>] as const;

/** The fused operations with a kernel. Another package may have one of the same name: it is another operation. */
const fused: ReadonlyMap<FusedOp, Call<unknown>> = new Map<FusedOp, Call<unknown>>([
  kernel(crossEntropyGradOp, crossEntropyGrad),
  kernel(crossEntropyOp, crossEntropy),
  kernel(logSoftmaxGradOp, logSoftmaxGrad),
  kernel(logSoftmaxOp, logSoftmax),
  kernel(softmaxGradOp, softmaxGrad),
  kernel(softmaxOp, softmax),
]);

const calls: { readonly [name: string]: Call<unknown> } = {
  ...(table as { readonly [name: string]: Call<unknown> }),
  ...Object.fromEntries([...fused].map(([{ name }, call]) => [name, call])),
};

/** Whether a fused operation has a kernel here. */
export const isFused = (op: FusedOp): boolean => fused.has(op);

export function callOf(op: string): Call<unknown> {
  const call = calls[op];
  if (call === undefined) throw new UnsupportedError(`${op}: @weft/tensor-cpu has no kernel for it`);
  return call;
}
