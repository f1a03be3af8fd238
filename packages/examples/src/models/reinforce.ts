// REINFORCE (Williams 1992): a network gives the probabilities of actions. After an episode, actions that were followed by
// more than usual become more probable, others less.
import { diff } from "@weft/autograd";
import { mul, relu, scope, sum, type Tensor } from "@weft/tensor";
import { Chain, Linear, crossEntropy } from "@weft/nn";
import { adam } from "@weft/optim";
import { longest } from "../cart-pole.ts";
import { batchOf, drawn, episode, following, type Move } from "../episodes.ts";
import { playing } from "../player.ts";
import type { Program } from "../program.ts";

const discount = 0.99;

export const reinforce: Program = {
  title: "REINFORCE",
  about: "to balance a pole, by making what went well more probable",
  time: "8 s",
  reaches: "a mean return of 195 or more, of at most 200",
  epochs: 16, // of 50 episodes each
  quick: {},
  async start({ backend }) {
    const policy = Chain(Linear(4, 128), relu, Linear(128, 2)); // log π(a | s), but for a constant
    const optimizer = adam({ lr: 0.003 });

    /** −Σ ((G − b) / σ) log π(a | s) */
    const loss = (carts: Tensor, actions: Tensor, surplus: Tensor) =>
      sum(mul(surplus, crossEntropy(policy(carts), actions, { reduction: "none" })));

    /** The mean b of what followed, and of its square, over the last episodes: σ² is what the square exceeds b² by. */
    const usual = { mean: 0, square: 0, episodes: 0 };
    function note(gains: readonly number[]): void {
      const rate = Math.max(0.05, 1 / ++usual.episodes);
      const mean = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0) / numbers.length;
      usual.mean += rate * (mean(gains) - usual.mean);
      usual.square += rate * (mean(gains.map((gain) => gain ** 2)) - usual.square);
    }

    async function play(): Promise<number> {
      const moves: Move[] = [];
      for await (const move of episode(backend, drawn(policy, backend))) moves.push(move);
      const gains = following(moves.length, discount);
      note(gains);
      const deviation = Math.sqrt(Math.max(usual.square - usual.mean ** 2, 1e-8)); // it is 0 if all gains are equal
      const surplus = gains.map((gain) => (gain - usual.mean) / deviation);
      scope(() => {
        const { carts, actions, numbers } = batchOf(moves, surplus, longest, backend);
        optimizer.update(diff(() => loss(carts, actions, numbers)));
      });
      return moves.length;
    }
    return playing({ model: policy, agent: policy, state: { optimizer, usual }, play }, backend);
  },
};
