// The table of calls: every primitive that is neither an elementwise map nor a plain sum, max or min. Fused operations have no
// kernels of their own yet; their fallbacks run.
import type { Call } from "./call.ts";
import {
  conv,
  convInputGrad,
  convWeightGrad,
  maxPool,
  maxPoolGrad,
  maxPoolPick,
  sumPool,
  sumPoolGrad,
} from "./conv.ts";
import { gather, indexAdd, scatterAdd, take } from "./indexing.ts";
import { matmul } from "./matmul.ts";
import { argmax, argmin, argsort, cumsum } from "./order.ts";

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
} as const;

export type CallName = keyof typeof table;
export const calls: { readonly [K in CallName]: Call } = table;
