// Who learns to play CartPole, as a program: episode by episode, each a step with its return, the number of its steps.
import { argmax, scope, type Backend, type Creation } from "@weft/tensor";
import { done, maxSteps, reset, step } from "./cart-pole.ts";
import type { Agent } from "./episodes.ts";
import { ofLength, type Learner } from "../training/program.ts";
import { returnSections } from "../report/returns.ts";

export interface Player {
  /** What is left in a file, and what else it takes to go on. */
  readonly model: object;
  readonly state: object;
  readonly agent: Agent;
  /** Plays one episode, learns from it, and gives its return. */
  readonly play: () => Promise<number>;
}

/** The episodes of an epoch. */
const EPISODES = 50;

export function playerLearner({ model, state, agent, play }: Player, backend: Backend & Creation): Learner {
  /** All returns, and how many of them are of this epoch. */
  const played = { returns: [] as number[], now: 0 };
  async function* episodes() {
    while (played.now < EPISODES) {
      const episodeReturn = await play();
      played.returns.push(episodeReturn);
      played.now++;
      yield { return: episodeReturn };
    }
    played.now = 0;
  }
  return {
    from: "episodes of CartPole",
    step: "episode",
    model,
    state: { ...state, played },
    epoch: () => ofLength(EPISODES - played.now, episodes()),
    of: "steps in the mean of 100 new episodes, of at most 200",
    // Gym's criterion is the second: it is of the training, whose actions are partly by chance.
    async evaluate() {
      const bestHundredInTraining = bestHundred(played.returns);
      return {
        meanReturn: await meanReturn(agent, backend),
        ...(bestHundredInTraining !== undefined && { bestHundredInTraining }),
      };
    },
    metrics: { bestHundredInTraining: "best" },
    sections: async () => returnSections(played.returns),
  };
}

/** The mean return of 100 new episodes, side by side, in which the agent always takes the action of the highest logit or value. */
async function meanReturn(agent: Agent, { rand, tensor }: Backend & Creation, count = 100): Promise<number> {
  const random = await scope(() => rand([count, 4], { seed: 1 }).data());
  let states = Array.from({ length: count }, (_, i) => reset(random.subarray(4 * i)));
  let steps = 0;
  for (let t = 0; t < maxSteps; t++) {
    steps += states.filter((state) => !done(state)).length;
    const actions = await scope(() => argmax(agent(tensor(states)), { axis: 1 }).data());
    states = states.map((state, i) => (done(state) ? state : step(state, actions[i]!)));
  }
  return steps / count;
}

/** The largest mean of 100 returns in a row; undefined if there are fewer. */
export function bestHundred(returns: readonly number[]): number | undefined {
  if (returns.length < 100) return undefined;
  const ends = Array.from({ length: returns.length - 99 }, (_, i) => returns.slice(i, i + 100));
  return Math.max(...ends.map((part) => part.reduce((a, b) => a + b, 0) / part.length));
}
