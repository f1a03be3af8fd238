// Rows with mean 0 and variance 1, as a fused operation: a backend may run each row, and its gradient, as one kernel.
import { applyFused, readTensor } from "../apply.ts";
import { text } from "../axes.ts";
import { add, div, floating, mul, sqrt, sub } from "../elementwise.ts";
import { ShapeError } from "../errors.ts";
import type { FusedOp } from "../fused.ts";
import type { Operand } from "../interpreter.ts";
import { likeFirst } from "../rules/table.ts";
import { mean } from "../statistics.ts";
import type { Tensor } from "../tensor.ts";

export interface StandardizeAttrs {
  /** Added to the variance. */
  readonly eps: number;
}

const average = (x: Tensor): Tensor => mean(x, { axis: -1, keepDims: true });

/** The rows, and what they were divided by. */
function parts(x: Tensor, eps: number): readonly [y: Tensor, deviation: Tensor] {
  const centred = sub(x, average(x));
  const deviation = sqrt(add(average(mul(centred, centred)), eps));
  return [div(centred, deviation), deviation];
}

export const standardizeOp: FusedOp<StandardizeAttrs> = {
  name: "standardize",
  infer: likeFirst("standardize"),
  fallback: ([x], { eps }) => [parts(x as Tensor, eps)[0]],
};

/** From x, and the gradient g of y = (x − mean) / d with d = √(var + eps): (g − mean g − y · mean(g · y)) / d. */
export const standardizeGradOp: FusedOp<StandardizeAttrs> = {
  name: "standardizeGrad",
  infer: likeFirst("standardizeGrad"),
  fallback: ([x, g], { eps }) => {
    const [y, deviation] = parts(x as Tensor, eps);
    const h = g as Tensor;
    return [div(sub(sub(h, average(h)), mul(y, average(mul(h, y)))), deviation)];
  },
};

/**
 * Each row along the last axis with mean 0 and variance 1: (x − mean) / √(var + eps), the variance biased. What
 * `layerNorm` of `nn` scales and shifts. Throws a ShapeError if x is a scalar or its rows are empty.
 *
 * @example standardize(tensor([1, 3]), { eps: 0 }) // [-1, 1]
 */
export function standardize(x: Operand, { eps = 1e-5 }: Partial<StandardizeAttrs> = {}): Tensor {
  const t = floating(readTensor(x, "standardize"), "standardize") as Tensor;
  if (!t.shape.at(-1)) throw new ShapeError(`standardize: no elements in a row of ${text(t.shape)}`);
  return applyFused(standardizeOp, [t], { eps })[0]!;
}
