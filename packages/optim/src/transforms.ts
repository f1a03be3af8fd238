// What happens to gradients before a rule sees them: clipping and weight decay, in the order of the chain.
import { RowSparse } from "@weft/autograd";
import { KEEPER } from "@weft/autograd/internals";
import { add, ArgumentError, clamp, div, lessEqual, mul, square, sum, where, type Tensor } from "@weft/tensor";
import {
  describe,
  nonNegativeFinite,
  positive,
  readValue,
  resultOf,
  withinStep,
  type Step,
} from "@weft/tensor/internals";
import { dense, entrances, isSparse, stepOf, valueOf, type Gradient } from "./gradient.ts";
import type { Rate } from "./groups.ts";
import { chainedState, prepared } from "./kept-transforms.ts";
import { selected } from "./members.ts";
import type { Optimizer } from "./optimizer.ts";
import { root } from "./root.ts";

/** Changes the gradients of a step. */
export type Transform = (gradients: readonly Gradient[]) => readonly Gradient[];
/** A transform that may hold the gradients of a step back: undefined means that no update is made. */
export type Gate = (gradients: readonly Gradient[]) => readonly Gradient[] | undefined;
/** The same asynchronously: to add up the gradients of several machines, for example. */
export type AsyncTransform = (gradients: readonly Gradient[]) => Promise<readonly Gradient[]>;

/** An optimizer whose `update` and `apply` are awaited. */
export type AsyncOptimizer = Optimizer<Promise<void>>;

/** The exponent of the least normal number: what is smaller may be flushed to 0. */
const leastExponent = (gradients: readonly Gradient[]): number =>
  gradients.every(({ g }) => (isSparse(g) ? g.values : g).dtype === "f64") ? -1022 : -126;

/**
 * A power of 2 that gradients are multiplied by before they are squared: so a norm does not overflow before it is 10²⁹
 * times `max`, and what is lost near 0 is too small to reach `max`.
 */
const unitOf = (max: number, gradients: readonly Gradient[]): number =>
  2 ** Math.max(Math.min(-40 - Math.floor(Math.log2(max)), 100), leastExponent(gradients));

/** Σ (unit · g)², where rows of the same index are summed first. */
const squares = (g: Gradient["g"], unit: number): Tensor => sum(square(mul(isSparse(g) ? g.summed().values : g, unit)));

/** A gradient times a scalar tensor. */
const scaled = ({ param, g }: Gradient, factor: Tensor): Gradient => ({
  param,
  g: isSparse(g) ? g.scaled(factor) : mul(g, factor),
});

/** max / norm where the norm of gradients is larger, else 1; NaN where it is NaN. In units: a norm may overflow. */
function factor(max: number, gradients: readonly Gradient[]): Tensor {
  const unit = unitOf(max, gradients);
  const most = max * unit;
  const norm = root(gradients.map(({ g }) => squares(g, unit)).reduce((a, b) => add(a, b)));
  const fits = lessEqual(norm, most);
  // Divided by itself where it fits: 0 there would have no derivative.
  return where(fits, 1, div(most, where(fits, most, norm)));
}

/**
 * Scales each parameter's gradient down to the norm `max`, if its norm is larger. Like Knet's `gclip`. A gradient with NaN
 * becomes NaN in all of its elements, as its norm is.
 *
 * @example
 * chain(clipNorm(5), adam());
 */
export function clipNorm(max: number): Transform {
  readValue("clipNorm", "max", max, positive);
  return (gradients) => gradients.map((gradient) => scaled(gradient, factor(max, [gradient])));
}

/**
 * Scales all gradients by one factor, so that their global norm is at most `max` (Pascanu et al. 2013). If one of them has
 * NaN, so has their norm, and all become NaN, as with PyTorch's `clip_grad_norm_`.
 *
 * @example
 * chain(clipGlobalNorm(3), sgd({ lr: 4 }));
 */
export function clipGlobalNorm(max: number): Transform {
  readValue("clipGlobalNorm", "max", max, positive);
  return (gradients) => {
    if (gradients.length === 0) return gradients;
    const common = factor(max, gradients);
    return gradients.map((gradient) => scaled(gradient, common));
  };
}

/**
 * Adds decay · w to the gradient of each w (the L2 penalty; `adamw` decays w directly instead). Row-sparse gradients
 * become dense. Like PyTorch's `weight_decay` of `SGD`.
 *
 * @example
 * chain(weightDecay(1e-4), momentum({ lr: 0.1 }));
 */
export function weightDecay(decay: number): Transform {
  readValue("weightDecay", "decay", decay, nonNegativeFinite);
  return (gradients) => gradients.map(({ param, g }) => ({ param, g: add(dense(g), mul(valueOf(param), decay)) }));
}

/**
 * Clips each element of each gradient to [−max, max]. Like PyTorch's `clip_grad_value_`: NaN stays NaN, and the other
 * elements are clipped.
 *
 * @example
 * chain(clipValue(0.5), sgd({ lr: 0.1 }));
 */
export function clipValue(max: number): Transform {
  readValue("clipValue", "max", max, positive);
  const clip = (x: Tensor): Tensor => clamp(x, { min: -max, max });
  return (gradients) =>
    gradients.map(({ param, g }) => {
      if (!isSparse(g)) return { param, g: clip(g) };
      const { indices, values, shape } = g.summed();
      return { param, g: new RowSparse(indices, clip(values), shape) };
    });
}

type Link = Transform | Gate | AsyncTransform;

/**
 * An optimizer whose gradients go through transforms first, from left to right. If the optimizer was given `params`,
 * the transforms see the gradients of those only. With an asynchronous transform or optimizer, `update` and `apply`
 * return a promise; `minimize` awaits it. Tensors that a transform makes after an `await` belong to no scope: release
 * them, or leave them to the garbage collector.
 *
 * @example
 * const optimizer = chain(clipGlobalNorm(1), weightDecay(1e-4), adam({ lr: 3e-4 }));
 *
 * @example
 * const optimizer = chain(async (gradients) => sumOverMachines(gradients), clipGlobalNorm(1), adam());
 * await scope(async () => await optimizer.update(diff(loss)));
 */
export function chain(...links: readonly [...Link[], AsyncOptimizer]): AsyncOptimizer;
export function chain(...links: readonly [...(Transform | Gate)[], Optimizer]): Optimizer;
export function chain(...links: readonly [...Link[], Optimizer]): AsyncOptimizer;
export function chain(
  ...links: readonly [...Link[], Optimizer<void | Promise<void>>]
): Optimizer<void | Promise<void>> {
  const transforms = links.slice(0, -1) as Link[];
  const last = readOptimizer("chain", links.at(-1));
  for (const transform of transforms)
    if (typeof transform !== "function")
      throw new ArgumentError(`chain: wanted transforms before the optimizer, got ${describe(transform)}`);
  const { name } = last;
  /**
   * Applies the transforms from the k-th one, and then the optimizer. What runs after a promise is in the same step,
   * and releases its intermediate results.
   */
  const from = (k: number, gradients: readonly Gradient[] | undefined, step?: Step): void | Promise<void> => {
    if (gradients === undefined) return;
    if (k === transforms.length) return last.apply(gradients);
    const next = transforms[k]!(gradients);
    return next instanceof Promise
      ? next.then((late) => withinStep(step, () => resultOf(() => from(k + 1, late, step))))
      : from(k + 1, next, step);
  };
  const begin = (gradients: readonly Gradient[], step?: Step) =>
    resultOf(() => stepOf(() => from(0, selected({ name, params: last.params }, gradients), step)));
  const inner = last[KEEPER];
  return {
    name,
    get steps() {
      return last.steps;
    },
    get lr(): number {
      return last.lr;
    },
    set lr(rate: Rate) {
      last.lr = rate;
    },
    get params() {
      return last.params;
    },
    ...entrances(name, begin),
    stateOf: (param) => last.stateOf(param),
    state: (model) => chainedState(transforms, last.state(model), model),
    load: (state, model) => {
      const { own, take } = prepared(transforms, state, model);
      last.load(own, model);
      take();
    },
    [KEEPER]: inner && { ...inner, parts: () => ({ transforms, optimizer: inner.parts() }) },
  };
}

/** An argument that must be an optimizer. */
export function readOptimizer(op: string, given: unknown): Optimizer<void | Promise<void>> {
  if (typeof (given as Optimizer | undefined)?.apply === "function" && typeof given === "object")
    return given as Optimizer;
  throw new ArgumentError(`${op}: wanted an optimizer such as adam(), got ${describe(given)}`);
}
