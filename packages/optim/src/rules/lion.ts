// Lion: steps of one size, by the sign of an average.
import { mul, sign, sub } from "@weft/tensor";
import { decay, nonNegativeFinite } from "@weft/tensor/internals";
import { kinds, type OptimizerOptions } from "../groups.ts";
import { ruled, type Optimizer } from "../optimizer.ts";
import { average, decayed, fromZeros } from "./formulas.ts";

export interface LionOptions extends OptimizerOptions {
  /** The share of the average in the direction of a step. */
  readonly beta1?: number;
  /** The share of the average that is kept from step to step. */
  readonly beta2?: number;
  readonly weightDecay?: number;
}

/**
 * Lion: w ← w − lr · (sign(β₁ m + (1 − β₁) g) + decay · w); m ← β₂ m + (1 − β₂) g (Chen et al. 2023). Its authors use
 * rates 3 to 10 times smaller than Adam's, and decays as many times larger.
 *
 * @example
 * const w = param(tensor(1));
 * lion({ lr: 0.1, weightDecay: 1 }).update(diff(() => square(w)));
 * w.value; // 0.8
 */
export const lion = (options?: LionOptions): Optimizer =>
  ruled(
    "lion",
    options,
    { ...kinds, beta1: decay, beta2: decay, weightDecay: nonNegativeFinite },
    { lr: 1e-4, beta1: 0.9, beta2: 0.99, weightDecay: 0 },
    ({ beta1, beta2, weightDecay }) =>
      fromZeros(["m"], (g, p, { m }, { lr }) => [
        sub(decayed(p, lr, weightDecay), mul(sign(average(beta1, m, g)), lr)),
        { m: average(beta2, m, g) },
      ]),
  );
