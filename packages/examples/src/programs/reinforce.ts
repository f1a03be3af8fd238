// REINFORCE on CartPole: a step of learning after each episode. Advantages are returns beside the mean of recent returns,
// in units of their standard deviation.
import { diff } from "@weft/autograd";
import { scope } from "@weft/tensor";
import { adam } from "@weft/optim";
import { maxSteps } from "../reinforcement-learning/cart-pole.ts";
import { batchOf, discountedReturns, episode, sampled, type Transition } from "../reinforcement-learning/episodes.ts";
import { Policy, policyGradientLoss } from "../models/reinforce.ts";
import { playerLearner } from "../reinforcement-learning/agent-training.ts";
import { program, type Learner, type Program, type Setting } from "../training/program.ts";

const discount = 0.99;

export const reinforce: Program = program({
  title: "REINFORCE",
  source: "CartPole",
  about: "to balance a pole, by making what went well more probable",
  time: "3 s",
  reaches: "a mean return of 195 or more, of at most 200, with 4 of 8 seeds",
  epochs: 16, // of 50 episodes each
  quick: {},
  start: async ({ backend }) => learner(backend),
});

function learner(backend: Setting["backend"]): Learner {
  const policy = Policy(4, 2);
  const optimizer = adam({ lr: 0.003 });

  /** The mean of returns, and of their squares, over the episodes before this one. */
  const baseline = { mean: 0, square: 0, episodes: 0 };
  function note(returns: readonly number[]): void {
    const rate = Math.max(0.05, 1 / ++baseline.episodes);
    const mean = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0) / numbers.length;
    baseline.mean += rate * (mean(returns) - baseline.mean);
    baseline.square += rate * (mean(returns.map((x) => x ** 2)) - baseline.square);
  }

  function learn(transitions: readonly Transition[], returns: readonly number[]): void {
    const std = Math.sqrt(Math.max(baseline.square - baseline.mean ** 2, 1e-8)); // it is 0 if all returns are equal
    scope(() => {
      const standardized = returns.map((x) => (x - baseline.mean) / std);
      const { values: advantages, ...batch } = batchOf(transitions, standardized, maxSteps, backend);
      optimizer.update(diff(() => policyGradientLoss(policy, { ...batch, advantages })));
    });
  }

  async function play(): Promise<number> {
    const transitions: Transition[] = [];
    for await (const transition of episode(backend, sampled(policy, backend))) transitions.push(transition);
    const rewards = transitions.map(({ reward }) => reward);
    const returns = discountedReturns(rewards, discount);
    // A baseline must not depend on the actions that it judges (Williams 1992), so it takes note of this episode after
    // them; the first episode has none, and only makes it.
    if (baseline.episodes > 0) learn(transitions, returns);
    note(returns);
    return transitions.length;
  }
  return playerLearner({ model: policy, agent: policy, state: { optimizer, baseline }, play }, backend);
}
