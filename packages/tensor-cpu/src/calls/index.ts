// The table of calls: every primitive that is neither an elementwise map nor a plain sum, max or min, and the fused
// operations that have a kernel of their own.
import type { AnyOp, CallOp, FusedKernel } from "@weft/kernel";
import type { Attrs, FusedOp } from "@weft/tensor";
import type { Call, Calls } from "./call.ts";
import { conv, convInputGrad, convWeightGrad } from "./convolution.ts";
import { gather, indexAdd, scatterAdd, take } from "./indexing.ts";
import { matmul } from "./matmul.ts";
import { argmax, argmin, argsort, cumsum } from "./order.ts";
import { pools } from "./pool.ts";
import { rowCall } from "./rows.ts";

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

/**
 * All calls. Kernels from other packages go first, and an operation that works row by row brings its own. Only here is
 * it known that a launch has the attributes of its operation.
 */
export function callsWith(kernels: readonly FusedKernel[]): Calls {
  const calls = new Map<AnyOp, Call<unknown>>([
    ...(Object.entries(table) as [CallOp, Call<unknown>][]),
    ...kernels.map(({ op, call }) => [op, call as Call<unknown>] as const),
  ]);
  // Weak: a program may make operations as it goes.
  const ofRows = new WeakMap<FusedOp, Call<unknown>>();
  return {
    get: (op) => {
      const known = calls.get(op);
      if (known !== undefined || typeof op === "string" || op.rows === undefined) return known;
      let call = ofRows.get(op);
      if (call === undefined) ofRows.set(op, (call = rowCall(op.name, op.rows) as Call<unknown>));
      return call;
    },
  };
}
