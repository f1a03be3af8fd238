// RMS normalization: rows divided by their root mean square, times a weight. One kernel for the values, one for the
// gradient.
import { applyFusedOwn } from "../apply.ts";
import { onesLike } from "../creation.ts";
import { mul } from "../elementwise.ts";
import type { FusedOp } from "../fused.ts";
import { sum } from "../reduce.ts";
import type { RowArithmetic } from "../row-kernel.ts";
import { rowOp } from "../row-op.ts";
import type { Tensor } from "../tensor.ts";
import type { StandardizeAttrs } from "./standardize.ts";

const inverseOf = <V>(k: RowArithmetic<V>, x: V, eps: number): V =>
  k.div(k.constant(1), k.sqrt(k.add(k.mean(k.mul(x, x)), k.number(eps))));

/**
 * From x, weight and the gradient g, with h = g · weight and r = 1 / √(mean x² + eps): (h − x · r² · mean(h · x)) · r.
 */
const rmsNormGradOp = rowOp<StandardizeAttrs>("rmsNormGrad", {
  operands: ["row", "column", "row"],
  write: (k, { eps }, x, w, g) => {
    const [h, r] = [k.mul(g, w), inverseOf(k, x, eps)];
    return [k.mul(k.sub(h, k.mul(x, k.mul(k.mul(r, r), k.mean(k.mul(h, x))))), r)];
  },
});

/** x / √(mean x² + eps) · weight. */
export const rmsNormOp: FusedOp<StandardizeAttrs> = rowOp(
  "rmsNorm",
  { operands: ["row", "column"], write: (k, { eps }, x, w) => [k.mul(k.mul(x, inverseOf(k, x, eps)), w)] },
  (_, [x, w], attrs) => [
    (g) => applyFusedOwn(rmsNormGradOp, [x!, w!, g], attrs)[0]!,
    (g) => {
      const rows = applyFusedOwn(rmsNormOp, [x!, onesLike(w as Tensor)], attrs)[0]!;
      return sum(mul(g, rows), { axis: g.shape.map((_, a) => a).slice(0, -1) });
    },
  ],
);
