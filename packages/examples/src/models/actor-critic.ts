// Advantage actor-critic (Mnih et al. 2016, on one thread): the actor gives the probabilities of actions, the critic says
// how much will follow. Actions become more probable if more followed than the critic said.
import { diff, stopGradient } from "@weft/autograd";
import { add, exp, logSoftmax, mul, relu, reshape, scope, square, sub, sum, type Tensor } from "@weft/tensor";
import { Chain, Linear, crossEntropy } from "@weft/nn";
import { adam } from "@weft/optim";
import { longest } from "../cart-pole.ts";
import { batchOf, drawn, episode, following, type Move } from "../episodes.ts";
import { playing } from "../player.ts";
import type { Program } from "../program.ts";

const [discount, atOnce, curiosity] = [0.99, 20, 0.01];

export const actorCritic: Program = {
  title: "Actor-critic",
  about: "to balance a pole, with a critic that says what to expect",
  time: "8 s",
  reaches: "a mean return of 195 or more, of at most 200",
  epochs: 12, // of 50 episodes each
  quick: {},
  async start({ backend }) {
    const actor = Chain(Linear(4, 128), relu, Linear(128, 2)); // log π(a | s), but for a constant
    const critic = Chain(Linear(4, 128), relu, Linear(128, 1)); // V(s)
    const groups = [
      { params: actor, lr: 0.001 },
      { params: critic, lr: 0.003 },
    ];
    const optimizer = adam({ groups });

    /** Σ −A log π(a | s) + A² / 2 + β Σ π log π, where A = G − V(s) */
    const loss = (carts: Tensor, actions: Tensor, gains: Tensor, real: Tensor) => {
      const scores = actor(carts);
      const advantage = mul(real, sub(gains, reshape(critic(carts), [-1])));
      const unlikely = crossEntropy(scores, actions, { reduction: "none" });
      const logs = logSoftmax(scores);
      const certainty = mul(real, sum(mul(exp(logs), logs), { axis: 1 }));
      const each = add(mul(stopGradient(advantage), unlikely), mul(0.5, square(advantage)));
      return sum(add(each, mul(curiosity, certainty)));
    };

    /** Learns from some moves in a row; what follows the last of them says the critic, if the pole still stands. */
    async function learn(moves: readonly Move[]): Promise<void> {
      const { next, fell } = moves.at(-1)!;
      const last = fell ? 0 : await scope(() => critic(backend.tensor([next])).item());
      const gains = following(moves.length, discount, last);
      scope(() => {
        const { carts, actions, numbers, real } = batchOf(moves, gains, atOnce, backend);
        optimizer.update(diff(() => loss(carts, actions, numbers, real)));
      });
    }

    async function play(): Promise<number> {
      const moves: Move[] = [];
      for await (const move of episode(backend, drawn(actor, backend))) {
        moves.push(move);
        const rest = moves.length % atOnce || atOnce;
        if (rest === atOnce || move.fell || moves.length === longest) await learn(moves.slice(-rest));
      }
      return moves.length;
    }
    return playing({ model: { actor, critic }, agent: actor, state: { optimizer }, play }, backend);
  },
};
