// Adam and its relatives: averages of gradients, divided by the roots of averages of their squares.
import { add, div, maximum, mul, square, sub } from "@weft/tensor";
import {
  boolean,
  decay,
  nonNegative,
  nonNegativeFinite,
  type OptionKinds,
  type ReadOptions,
} from "@weft/tensor/internals";
import { kinds, type OptimizerOptions } from "../groups.ts";
import { ruled, type Optimizer } from "../optimizer.ts";
import { root } from "../root.ts";
import type { Formula } from "../rule.ts";
import { average, decayed, fromZeros } from "./formulas.ts";

export interface AdamOptions extends OptimizerOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly eps?: number;
  /** Whether the largest v so far is used in place of v (AMSGrad). */
  readonly amsgrad?: boolean;
}

const adamKinds: OptionKinds<AdamOptions> = {
  ...kinds,
  beta1: decay,
  beta2: decay,
  eps: nonNegative,
  amsgrad: boolean,
};
const adamDefaults = { lr: 0.001, beta1: 0.9, beta2: 0.999, eps: 1e-8, amsgrad: false };

/** Adam's formula. With weight decay, the parameter decays first. */
const adamFormula = (
  { beta1, beta2, eps, amsgrad }: ReadOptions<AdamOptions, typeof adamDefaults>,
  weightDecay = 0,
): Formula =>
  fromZeros<string>(amsgrad ? ["m", "v", "largest"] : ["m", "v"], (g, p, { m, v, largest }, { lr, t }) => {
    const mean = average(beta1, m!, g);
    const size = average(beta2, v!, square(g));
    const most = largest && maximum(largest, size);
    // √(v / (1 − β₂ᵗ)) = √v / √(1 − β₂ᵗ), and the other correction goes into the learning rate: numbers, not tensors.
    const divisor = add(mul(root(most ?? size), 1 / Math.sqrt(1 - beta2 ** t)), eps);
    return [
      sub(decayed(p, lr, weightDecay), div(mul(mean, lr / (1 - beta1 ** t)), divisor)),
      { m: mean, v: size, ...(most && { largest: most }) },
    ];
  });

/**
 * Adam: m ← β₁ m + (1 − β₁) g; v ← β₂ v + (1 − β₂) g²; w ← w − lr · m̂ / (√v̂ + eps), where m̂ = m / (1 − β₁ᵗ) and
 * v̂ = v / (1 − β₂ᵗ) (Kingma and Ba 2015). Like Knet's and PyTorch's. With `amsgrad`, v̂ = max(v₁, …, vₜ) / (1 − β₂ᵗ)
 * (Reddi et al. 2018), like PyTorch's.
 *
 * @example
 * for await (const loss of minimize(f, data, adam({ lr: (step) => 0.001 * 0.99 ** step }))) ;
 */
export const adam = (options?: AdamOptions): Optimizer =>
  ruled("adam", options, adamKinds, adamDefaults, (read) => adamFormula(read));

export interface AdamWOptions extends AdamOptions {
  readonly weightDecay?: number;
}

/**
 * Adam with decoupled weight decay: w ← w − lr · decay · w, then Adam's step (Loshchilov and Hutter 2019). Like
 * PyTorch's `AdamW`.
 *
 * @example
 * const biases = params(model).filter((p) => p.shape.length < 2);
 * const weights = params(model).filter((p) => p.shape.length > 1);
 * const optimizer = adamw({ lr: 3e-4, groups: [{ params: weights }, { params: biases, weightDecay: 0 }] });
 */
export const adamw = (options?: AdamWOptions): Optimizer =>
  ruled(
    "adamw",
    options,
    { ...adamKinds, weightDecay: nonNegativeFinite },
    { ...adamDefaults, weightDecay: 0.01 },
    (read) => adamFormula(read, read.weightDecay),
  );
