// REINFORCE (Williams 1992): a network gives the probabilities of actions. After an episode, actions that were followed by
// a larger return than usual become more probable, others less.
import { mul, relu, sum, type Tensor } from "@weft/tensor";
import { Chain, Linear, crossEntropy } from "@weft/nn";

/** From states `[N, states]` to the logits of π(a | s), `[N, actions]`. */
export const Policy = (states: number, actions: number) => Chain(Linear(states, 128), relu, Linear(128, actions));

/** −Σ A log π(a | s) for actions and advantages `[N]`; a row of advantage 0 does not count. */
export const policyGradientLoss = (
  policy: (states: Tensor) => Tensor,
  { states, actions, advantages }: { states: Tensor; actions: Tensor; advantages: Tensor },
): Tensor => sum(mul(advantages, crossEntropy(policy(states), actions, { reduction: "none" })));
