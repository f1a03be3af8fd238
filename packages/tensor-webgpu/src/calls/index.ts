// The table of calls: every primitive that is neither an elementwise map nor a plain sum, max or min, and the fused
// operations that have a kernel of their own.
import { callsOf, type CallOp, type FusedKernel } from "@weft/kernel";
import type { Attrs } from "@weft/tensor";
import type { Call, Calls } from "./call.ts";
import { conv, convInputGrad, convWeightGrad } from "./conv.ts";
import { maxPool, maxPoolGrad, maxPoolPick, sumPool, sumPoolGrad } from "./pool.ts";
import { gather, indexAdd, scatterAdd, take } from "./indexing.ts";
import { matmul } from "./matmul.ts";
import { matrixCall } from "./matrices.ts";
import { sequenceCall } from "./recurrence.ts";
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

/** All calls, with kernels from other packages. */
export const callsWith = (kernels: readonly FusedKernel[]): Calls =>
  callsOf(table, kernels, (op) => {
    if (op.rows !== undefined) return rowCall(op, op.rows);
    return op.sequence === undefined ? op.matrices && matrixCall(op.matrices) : sequenceCall(op.sequence);
  });
