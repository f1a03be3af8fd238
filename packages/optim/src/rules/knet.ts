// Knet's optimizers but Adam. A rule is two functions: the initial state of a parameter, and one step. Learning rates and
// the like are numbers, which are arguments of a kernel and never part of its code.
import { add, ArgumentError, div, indexAdd, mul, sqrt, square, sub } from "@weft/tensor";
import { decay, nonNegativeFinite, type OptionKinds } from "@weft/tensor/internals";
import { kinds, type OptimizerOptions } from "../groups.ts";
import { ruled, type Optimizer } from "../optimizer.ts";
import { average, fromZeros } from "./formulas.ts";

/** What PyTorch's `SGD` has as options, and what it is here. */
const elsewhere: { readonly [name: string]: string } = {
  momentum: "momentum({ lr: 0.1, gamma: 0.9 })",
  nesterov: "nesterov({ lr: 0.1, gamma: 0.9 })",
  weightDecay: "chain(weightDecay(1e-4), sgd({ lr: 0.1 }))",
};

/**
 * Stochastic gradient descent: w ← w − lr · g. With a row-sparse gradient only the touched rows are computed.
 *
 * @example
 * for await (const loss of minimize(f, data, sgd({ lr: 0.1 }))) ;
 */
export function sgd(options?: OptimizerOptions): Optimizer {
  for (const name in options)
    if (Object.hasOwn(elsewhere, name))
      throw new ArgumentError(
        `sgd: there is no option "${name}", write ${elsewhere[name]!}; known options: ${Object.keys(kinds).join(", ")}`,
      );
  return ruled("sgd", options, kinds, { lr: 0.1 }, () =>
    fromZeros(
      [],
      (g, p, _, { lr }) => [sub(p, mul(g, lr)), {}],
      (g, p, { lr }) => indexAdd(p, g.indices, mul(g.values, -lr)),
    ),
  );
}

/** Options of `momentum` and `nesterov`. */
export interface MomentumOptions extends OptimizerOptions {
  /** γ, the fraction of the velocity that is kept from step to step (0.95). */
  readonly gamma?: number;
}
const momentumKinds: OptionKinds<MomentumOptions> = { ...kinds, gamma: decay };
const momentumDefaults = { lr: 0.05, gamma: 0.95 };

/**
 * Gradient descent with momentum: v ← γ v − lr · g; w ← w + v (Polyak 1964). Like Knet's; with a constant learning rate
 * also like PyTorch's `SGD(momentum=γ)`. By default γ is 0.95, and lr 0.05.
 *
 * @example
 * const w = param(tensor(1));
 * momentum({ lr: 0.1 }).update(diff(() => square(w)));
 * w.value; // 0.8
 */
export const momentum = (options?: MomentumOptions): Optimizer =>
  ruled("momentum", options, momentumKinds, momentumDefaults, ({ gamma }) =>
    fromZeros(["v"], (g, p, { v }, { lr }) => {
      const next = sub(mul(v, gamma), mul(g, lr));
      return [add(p, next), { v: next }];
    }),
  );

/**
 * Nesterov's momentum: v' = γ v − lr · g; w ← w − γ v + (1 + γ) v' (Nesterov 1983). Like Knet's; with a constant
 * learning rate also like PyTorch's `SGD(momentum=γ, nesterov=True)`. By default γ is 0.95, and lr 0.05.
 *
 * @example
 * const w = param(tensor(1));
 * nesterov({ lr: 0.1, gamma: 0.5 }).update(diff(() => square(w)));
 * w.value; // 0.7
 */
export const nesterov = (options?: MomentumOptions): Optimizer =>
  ruled("nesterov", options, momentumKinds, momentumDefaults, ({ gamma }) =>
    fromZeros(["v"], (g, p, { v }, { lr }) => {
      const pull = mul(v, gamma);
      const next = sub(pull, mul(g, lr));
      return [add(sub(p, pull), mul(next, 1 + gamma)), { v: next }];
    }),
  );

/** Options of `adagrad`. */
export interface AdagradOptions extends OptimizerOptions {
  /** Is added to the sum of squares (1e-6). */
  readonly eps?: number;
}

/**
 * Adagrad: G ← G + g²; w ← w − lr · g / √(G + eps) (Duchi et al. 2011). Like Knet's.
 *
 * @example
 * const w = param(tensor(1));
 * adagrad({ lr: 0.1, eps: 0 }).update(diff(() => square(w)));
 * w.value; // 0.9
 */
export const adagrad = (options?: AdagradOptions): Optimizer =>
  ruled("adagrad", options, { ...kinds, eps: nonNegativeFinite }, { lr: 0.05, eps: 1e-6 }, ({ eps }) =>
    fromZeros(["G"], (g, p, { G }, { lr }) => {
      const next = add(G, square(g));
      return [sub(p, div(mul(g, lr), sqrt(add(next, eps)))), { G: next }];
    }),
  );

/** Options of `rmsprop` and `adadelta`. */
export interface AverageOptions extends OptimizerOptions {
  /** ρ, the share of an average that is kept from step to step (0.9). */
  readonly rho?: number;
  /** Is added to averages of squares (1e-6). */
  readonly eps?: number;
}
const averageKinds: OptionKinds<AverageOptions> = { ...kinds, rho: decay, eps: nonNegativeFinite };

/**
 * RMSprop: G ← ρ G + (1 − ρ) g²; w ← w − lr · g / √(G + eps) (Tieleman and Hinton 2012). Like Knet's.
 *
 * @example
 * const w = param(tensor(1));
 * rmsprop({ lr: 0.1, rho: 0.75, eps: 0 }).update(diff(() => square(w)));
 * w.value; // 0.8
 */
export const rmsprop = (options?: AverageOptions): Optimizer =>
  ruled("rmsprop", options, averageKinds, { lr: 0.01, rho: 0.9, eps: 1e-6 }, ({ rho, eps }) =>
    fromZeros(["G"], (g, p, { G }, { lr }) => {
      const next = average(rho, G, square(g));
      return [sub(p, div(mul(g, lr), sqrt(add(next, eps)))), { G: next }];
    }),
  );

/**
 * Adadelta: G ← ρ G + (1 − ρ) g²; d = g · √(Δ + eps) / √(G + eps); Δ ← ρ Δ + (1 − ρ) d²; w ← w − lr · d (Zeiler 2012).
 * Like Knet's.
 *
 * @example
 * const w = param(tensor(1));
 * adadelta({ lr: 0.5, rho: 0.25, eps: 1 }).update(diff(() => square(w)));
 * w.value; // 0.5
 */
export const adadelta = (options?: AverageOptions): Optimizer =>
  ruled("adadelta", options, averageKinds, { lr: 1, rho: 0.9, eps: 1e-6 }, ({ rho, eps }) =>
    fromZeros(["G", "delta"], (g, p, { G, delta }, { lr }) => {
      const next = average(rho, G, square(g));
      const d = div(mul(g, sqrt(add(delta, eps))), sqrt(add(next, eps)));
      return [sub(p, mul(d, lr)), { G: next, delta: average(rho, delta, square(d)) }];
    }),
  );
