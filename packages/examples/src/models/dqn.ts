// Deep Q-learning (Mnih et al. 2015): a network gives the return of each action. It learns from transitions at random
// from a replay buffer; the targets come from an older copy of it, the target network.
import { stopGradient } from "@weft/autograd";
import { add, gather, max, mul, relu, sub, type Tensor } from "@weft/tensor";
import { Chain, Linear, huber } from "@weft/nn";

/** Q(s, a): from states `[N, states]` to the return of each action `[N, actions]`. */
export const QNetwork = (states: number, actions: number) =>
  Chain(Linear(states, 64), relu, Linear(64, 64), relu, Linear(64, actions));

/** Transitions: states and next states `[N, states]`, actions (`i32`), rewards and whether they end there `[N, 1]`. */
export interface Transitions {
  readonly states: Tensor;
  readonly actions: Tensor;
  readonly rewards: Tensor;
  readonly nextStates: Tensor;
  readonly dones: Tensor;
}

/**
 * Huber's loss between Q(s, a) and r + γ max Q'(s', a'), or r where the episode ended. Q' is the target network:
 * `freeze(clone(network))` of `@weft/nn`, which gets the weights now and then by `copyInto(network, target)`, from the
 * first to the second. It has no gradient here.
 */
export function temporalDifferenceLoss(
  network: (states: Tensor) => Tensor,
  target: (states: Tensor) => Tensor,
  { states, actions, rewards, nextStates, dones }: Transitions,
  discount = 0.99,
): Tensor {
  const next = stopGradient(max(target(nextStates), { axis: 1, keepDims: true }));
  const targets = add(rewards, mul(mul(discount, sub(1, dones)), next));
  return huber(gather(network(states), actions, { axis: 1 }), targets);
}
