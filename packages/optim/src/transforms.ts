// What happens to gradients before a rule sees them: clipping and weight decay, in the order in which they are chained.
import { add, div, less, mul, sqrt, square, sum, where, type Tensor } from "@weft/tensor";
import { dense, gradientsOf, isSparse, type Gradient } from "./gradient.ts";
import type { Optimizer } from "./optimizer.ts";

/** Changes the gradients of a step. */
export type Transform = (gradients: readonly Gradient[]) => readonly Gradient[];

/** Σ g², with rows that stand for one index summed first. */
const squares = ({ g }: Gradient): Tensor => sum(square(isSparse(g) ? g.summed().values : g));

/** A gradient times a number on the device. */
const scaled = ({ param, g }: Gradient, factor: Tensor): Gradient => ({
  param,
  g: isSparse(g) ? g.scaled(factor) : mul(g, factor),
});

/** max / norm where the norm is larger, else 1. */
function factor(max: number, total: Tensor): Tensor {
  const norm = sqrt(total);
  return where(less(max, norm), div(max, norm), 1);
}

/**
 * Scales each parameter's gradient down to the norm `max`, if it is larger. As Knet's `gclip`.
 *
 * @example
 * chain(clipNorm(5), adam());
 */
export const clipNorm =
  (max: number): Transform =>
  (gradients) =>
    gradients.map((gradient) => scaled(gradient, factor(max, squares(gradient))));

/**
 * Scales all gradients together, so that the norm of all is at most `max` (Pascanu et al. 2013).
 *
 * @example
 * chain(clipGlobalNorm(3), sgd({ lr: 4 }));
 */
export const clipGlobalNorm =
  (max: number): Transform =>
  (gradients) => {
    if (gradients.length === 0) return gradients;
    const common = factor(
      max,
      gradients.map(squares).reduce((a, b) => add(a, b)),
    );
    return gradients.map((gradient) => scaled(gradient, common));
  };

/**
 * Adds decay · w to the gradient of each w (the L2 penalty; `adamw` decays beside the gradient instead). Row-sparse
 * gradients become dense. As PyTorch's `weight_decay` of `SGD`.
 *
 * @example
 * chain(weightDecay(1e-4), momentum({ lr: 0.1 }));
 */
export const weightDecay =
  (decay: number): Transform =>
  (gradients) =>
    gradients.map(({ param, g }) => ({ param, g: add(dense(g), mul(param.value, decay)) }));

/**
 * An optimiser whose gradients go through transforms first, from left to right.
 *
 * @example
 * const optimizer = chain(clipGlobalNorm(1), weightDecay(1e-4), adam({ lr: 3e-4 }));
 */
export function chain(...links: readonly [...Transform[], Optimizer]): Optimizer {
  const last = links.at(-1) as Optimizer;
  const transforms = links.slice(0, -1) as Transform[];
  const apply = (gradients: readonly Gradient[]) =>
    last.apply(transforms.reduce((gs, transform) => transform(gs), gradients));
  return {
    name: last.name,
    get steps() {
      return last.steps;
    },
    apply,
    update: (tape) => apply(gradientsOf(tape)),
    stateOf: (param) => last.stateOf(param),
  };
}
