// Deep Q-learning on CartPole: a step of learning after each step of the episode, with actions by chance at first.
import { diff } from "@weft/autograd";
import { argmax, scope } from "@weft/tensor";
import { clone, copyInto, freeze } from "@weft/nn";
import { adam } from "@weft/optim";
import type { State } from "../reinforcement-learning/cart-pole.ts";
import { episode } from "../reinforcement-learning/episodes.ts";
import { QNetwork, temporalDifferenceLoss } from "../models/dqn.ts";
import { playerLearner } from "../reinforcement-learning/agent-training.ts";
import { program, type Learner, type Program, type Setting } from "../training/program.ts";
import { ReplayBuffer } from "../reinforcement-learning/replay-buffer.ts";

const [capacity, batchSize] = [10_000, 64];
/** Steps before it learns, and between two updates of the target network. */
const [learningStarts, targetUpdate] = [1000, 200];
/** How often an action is random: always at first, from step 3,000 on in one of 50. */
const epsilon = (step: number) => Math.max(0.02, 1 - step / 3000);

export const dqn: Program = program({
  title: "Deep Q-network",
  source: "CartPole",
  about: "to balance a pole, from random moments of its past",
  time: "20 s",
  reaches: "a mean return of 195 or more, of at most 200, with 7 of 8 seeds",
  epochs: 10, // of 50 episodes each
  quick: {},
  start: async ({ backend }) => learner(backend),
});

function learner(backend: Setting["backend"]): Learner {
  const network = QNetwork(4, 2);
  const target = freeze(clone(network));
  const optimizer = adam({ lr: (step) => 0.001 / (1 + step / 20_000) });
  const buffer = ReplayBuffer(capacity, 4, backend);

  async function policy(state: State): Promise<number> {
    const [chance, action] = await scope(() => backend.rand([2]).data());
    if (chance! < epsilon(buffer.count)) return Math.floor(2 * action!);
    return scope(() => argmax(network(backend.tensor([state]))).item());
  }
  function learn(): void {
    const batch = buffer.sample(batchSize);
    optimizer.update(diff(() => temporalDifferenceLoss(network, target, batch)));
  }
  async function play(): Promise<number> {
    let episodeReturn = 0;
    for await (const transition of episode(backend, policy)) {
      episodeReturn += transition.reward;
      scope(() => buffer.add(transition));
      if (buffer.count > learningStarts) scope(learn);
      if (buffer.count % targetUpdate === 0) copyInto(network, target);
    }
    return episodeReturn;
  }
  return playerLearner({ model: network, agent: network, state: { target, optimizer, buffer }, play }, backend);
}
