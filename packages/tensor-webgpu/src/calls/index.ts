// The table of calls: every primitive that is neither an elementwise map nor a plain sum, max or min, and the fused
// operations that have a kernel of their own.
import type { AnyOp, CallOp, FusedKernel } from "@weft/kernel";
import type { Attrs, FusedOp } from "@weft/tensor";
import { gruSequenceGradOp, gruSequenceOp, lstmSequenceGradOp, lstmSequenceOp } from "@weft/tensor/internals";
import { kernel, type Call, type Calls } from "./call.ts";
import { conv, convInputGrad, convWeightGrad } from "./conv.ts";
import { gruSequence, gruSequenceGrad } from "./gru.ts";
import { maxPool, maxPoolGrad, maxPoolPick, sumPool, sumPoolGrad } from "./pool.ts";
import { gather, indexAdd, scatterAdd, take } from "./indexing.ts";
import { lstmSequence, lstmSequenceGrad } from "./lstm.ts";
import { matmul } from "./matmul.ts";
import { rowCall } from "./rows.ts";
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
  kernel(gruSequenceGradOp, gruSequenceGrad),
  kernel(gruSequenceOp, gruSequence),
  kernel(lstmSequenceGradOp, lstmSequenceGrad),
  kernel(lstmSequenceOp, lstmSequence),
];

/**
 * All calls; kernels from outside win, and an operation that works row by row brings its own. A launch has the
 * attributes of its operation: this is the only place that relies on it.
 */
export function callsWith(kernels: readonly FusedKernel[]): Calls {
  const calls = new Map<AnyOp, Call<unknown>>([
    ...(Object.entries(table) as [CallOp, Call<unknown>][]),
    ...[...fused, ...kernels].map(({ op, call }) => [op, call as Call<unknown>] as const),
  ]);
  // Weak: a program may make operations as it goes.
  const ofRows = new WeakMap<FusedOp, Call<unknown>>();
  return {
    foreign: new Set(kernels.map(({ op }) => op)),
    get: (op) => {
      const known = calls.get(op);
      if (known !== undefined || typeof op === "string" || op.rows === undefined) return known;
      let call = ofRows.get(op);
      if (call === undefined) ofRows.set(op, (call = rowCall(op.name, op.rows) as Call<unknown>));
      return call;
    },
  };
}
