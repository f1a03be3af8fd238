// Advantage actor-critic (Mnih et al. 2016, on one thread): the actor gives the probabilities of actions, the critic the
// return to expect. Actions become more probable if the return was larger than that.
import { stopGradient } from "@weft/autograd";
import { add, exp, logSoftmax, mul, neg, relu, reshape, square, sub, sum, type Tensor } from "@weft/tensor";
import { Chain, Linear, crossEntropy } from "@weft/nn";

/** From states `[N, states]`: the actor to the logits of π(a | s), `[N, actions]`; the critic to V(s) `[N, 1]`. */
export const ActorCritic = (states: number, actions: number) => ({
  actor: Chain(Linear(states, 128), relu, Linear(128, actions)),
  critic: Chain(Linear(states, 128), relu, Linear(128, 1)),
});

/**
 * Σ −A log π(a | s) + A² / 2 − β H(π(· | s)), where A = G − V(s) is the advantage and H the entropy. Actions, returns and
 * `mask` are `[N]`: a row of mask 0 does not count.
 */
export function actorCriticLoss(
  { actor, critic }: Readonly<Record<"actor" | "critic", (states: Tensor) => Tensor>>,
  batch: { states: Tensor; actions: Tensor; returns: Tensor; mask: Tensor },
  entropyCoefficient = 0.01,
): Tensor {
  const { states, actions, returns, mask } = batch;
  const logits = actor(states);
  const advantages = mul(mask, sub(returns, reshape(critic(states), [-1])));
  const logProbabilities = logSoftmax(logits);
  const entropies = mul(mask, neg(sum(mul(exp(logProbabilities), logProbabilities), { axis: 1 })));
  const policyLoss = mul(stopGradient(advantages), crossEntropy(logits, actions, { reduction: "none" }));
  const valueLoss = mul(0.5, square(advantages));
  return sum(sub(add(policyLoss, valueLoss), mul(entropyCoefficient, entropies)));
}
