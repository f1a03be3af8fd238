// Knet's seven optimizers: a rule is two functions, what a parameter's state begins as, and one step of it. Learning
// rates and the like are numbers, which are arguments of a kernel and never part of it.
import {
  add,
  decay,
  div,
  indexAdd,
  mul,
  nonNegative,
  readOptions,
  sqrt,
  square,
  sub,
  zerosLike,
  type OptionKinds,
  type ReadOptions,
  type Tensor,
} from "@weft/tensor";
import { kinds, ruled, type Optimizer, type OptimizerOptions, type Rule } from "./optimizer.ts";

/** State tensors that begin as zeros. */
const zeros =
  (...names: readonly string[]): Rule["init"] =>
  (p) =>
    Object.fromEntries(names.map((name) => [name, zerosLike(p)]));

/** ρ · average + (1 − ρ) · x. */
const average = (rho: number, old: Tensor, x: Tensor): Tensor => add(mul(old, rho), mul(x, 1 - rho));

/**
 * Stochastic gradient descent: w ← w − lr · g. A row-sparse gradient costs the rows it touches.
 *
 * @example
 * for await (const loss of minimize(f, data, sgd({ lr: 0.1 }))) ;
 */
export function sgd(options?: OptimizerOptions): Optimizer {
  const rule: Rule = {
    name: "sgd",
    init: zeros(),
    update: (g, p, _, { lr }) => [sub(p, mul(g, lr)), {}],
    rows: (g, p, { lr }) => indexAdd(p, g.indices, mul(g.values, -lr)),
  };
  return ruled(rule, readOptions("sgd", options, kinds, { lr: 0.1 }));
}

/**
 * Gradient descent with momentum: v ← γ v − lr · g; w ← w + v (Polyak 1964). As Knet's; with a constant learning rate
 * also as PyTorch's `SGD(momentum=γ)`.
 */
export function momentum(options?: OptimizerOptions & { readonly gamma?: number }): Optimizer {
  const read = readOptions("momentum", options, { ...kinds, gamma: decay }, { lr: 0.05, gamma: 0.95 });
  const { gamma } = read;
  const rule: Rule = {
    name: "momentum",
    init: zeros("v"),
    update: (g, p, { v }, { lr }) => {
      const next = sub(mul(v!, gamma), mul(g, lr));
      return [add(p, next), { v: next }];
    },
  };
  return ruled(rule, read);
}

/**
 * Nesterov's momentum: v' = γ v − lr · g; w ← w − γ v + (1 + γ) v' (Nesterov 1983). As Knet's; with a constant learning
 * rate also as PyTorch's `SGD(momentum=γ, nesterov=True)`.
 */
export function nesterov(options?: OptimizerOptions & { readonly gamma?: number }): Optimizer {
  const read = readOptions("nesterov", options, { ...kinds, gamma: decay }, { lr: 0.05, gamma: 0.95 });
  const { gamma } = read;
  const rule: Rule = {
    name: "nesterov",
    init: zeros("v"),
    update: (g, p, { v }, { lr }) => {
      const pull = mul(v!, gamma);
      const next = sub(pull, mul(g, lr));
      return [add(sub(p, pull), mul(next, 1 + gamma)), { v: next }];
    },
  };
  return ruled(rule, read);
}

/** Adagrad: G ← G + g²; w ← w − lr · g / √(G + eps) (Duchi et al. 2011). As Knet's. */
export function adagrad(options?: OptimizerOptions & { readonly eps?: number }): Optimizer {
  const read = readOptions("adagrad", options, { ...kinds, eps: nonNegative }, { lr: 0.05, eps: 1e-6 });
  const { eps } = read;
  const rule: Rule = {
    name: "adagrad",
    init: zeros("G"),
    update: (g, p, { G }, { lr }) => {
      const next = add(G!, square(g));
      return [sub(p, div(mul(g, lr), sqrt(add(next, eps)))), { G: next }];
    },
  };
  return ruled(rule, read);
}

interface AverageOptions extends OptimizerOptions {
  readonly rho?: number;
  readonly eps?: number;
}
const averageKinds: OptionKinds<AverageOptions> = { ...kinds, rho: decay, eps: nonNegative };

/** RMSprop: G ← ρ G + (1 − ρ) g²; w ← w − lr · g / √(G + eps) (Tieleman and Hinton 2012). As Knet's. */
export function rmsprop(options?: AverageOptions): Optimizer {
  const read = readOptions("rmsprop", options, averageKinds, { lr: 0.01, rho: 0.9, eps: 1e-6 });
  const { rho, eps } = read;
  const rule: Rule = {
    name: "rmsprop",
    init: zeros("G"),
    update: (g, p, { G }, { lr }) => {
      const next = average(rho, G!, square(g));
      return [sub(p, div(mul(g, lr), sqrt(add(next, eps)))), { G: next }];
    },
  };
  return ruled(rule, read);
}

/**
 * Adadelta: G ← ρ G + (1 − ρ) g²; d = g · √(Δ + eps) / √(G + eps); Δ ← ρ Δ + (1 − ρ) d²; w ← w − lr · d (Zeiler 2012).
 * As Knet's.
 */
export function adadelta(options?: AverageOptions): Optimizer {
  const read = readOptions("adadelta", options, averageKinds, { lr: 1, rho: 0.9, eps: 1e-6 });
  const { rho, eps } = read;
  const rule: Rule = {
    name: "adadelta",
    init: zeros("G", "delta"),
    update: (g, p, { G, delta }, { lr }) => {
      const next = average(rho, G!, square(g));
      const d = div(mul(g, sqrt(add(delta!, eps))), sqrt(add(next, eps)));
      return [sub(p, mul(d, lr)), { G: next, delta: average(rho, delta!, square(d)) }];
    },
  };
  return ruled(rule, read);
}

export interface AdamOptions extends OptimizerOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly eps?: number;
}

const adamKinds: OptionKinds<AdamOptions> = { ...kinds, beta1: decay, beta2: decay, eps: nonNegative };
const adamDefaults = { lr: 0.001, beta1: 0.9, beta2: 0.999, eps: 1e-8 };

/** One step of Adam from a parameter that may already have decayed. */
const adamStep =
  ({ beta1, beta2, eps }: ReadOptions<AdamOptions, typeof adamDefaults>): Rule["update"] =>
  (g, p, { m, v }, { lr, t }) => {
    const mean = average(beta1, m!, g);
    const size = average(beta2, v!, square(g));
    // √(v / (1 − β₂ᵗ)) = √v / √(1 − β₂ᵗ), and the other correction belongs to the learning rate: numbers, not tensors.
    const root = add(mul(sqrt(size), 1 / Math.sqrt(1 - beta2 ** t)), eps);
    return [sub(p, div(mul(mean, lr / (1 - beta1 ** t)), root)), { m: mean, v: size }];
  };

/**
 * Adam: m ← β₁ m + (1 − β₁) g; v ← β₂ v + (1 − β₂) g²; w ← w − lr · m̂ / (√v̂ + eps), where m̂ = m / (1 − β₁ᵗ) and
 * v̂ = v / (1 − β₂ᵗ) (Kingma and Ba 2015). As Knet's and PyTorch's.
 *
 * @example
 * for await (const loss of minimize(f, data, adam({ lr: (step) => 0.001 * 0.99 ** step }))) ;
 */
export function adam(options?: AdamOptions): Optimizer {
  const read = readOptions("adam", options, adamKinds, adamDefaults);
  return ruled({ name: "adam", init: zeros("m", "v"), update: adamStep(read) }, read);
}

/**
 * Adam with decoupled weight decay: w ← w − lr · decay · w, then Adam's step (Loshchilov and Hutter 2019). As PyTorch's
 * `AdamW`.
 */
export function adamw(options?: AdamOptions & { readonly weightDecay?: number }): Optimizer {
  const known = { ...adamKinds, weightDecay: nonNegative };
  const read = readOptions("adamw", options, known, { ...adamDefaults, weightDecay: 0.01 });
  const step = adamStep(read);
  const update: Rule["update"] = (g, p, state, now) => step(g, mul(p, 1 - now.lr * read.weightDecay), state, now);
  return ruled({ name: "adamw", init: zeros("m", "v"), update }, read);
}
