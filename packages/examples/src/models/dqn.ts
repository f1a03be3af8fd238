// Deep Q-learning (Mnih et al. 2015): a network says for each action how long the pole will stand. It learns from random
// moments of its past; what it should have said there comes from an older copy of itself.
import { diff, state as box } from "@weft/autograd";
import { add, argmax, cast, floor, gather, indexCopy, max, mul, relu, scope, split, sub, take } from "@weft/tensor";
import type { Tensor } from "@weft/tensor";
import { Chain, Linear, clone, copyInto, freeze, huber } from "@weft/nn";
import { adam } from "@weft/optim";
import type { Cart } from "../cart-pole.ts";
import { episode, type Move } from "../episodes.ts";
import { playing } from "../player.ts";
import type { Program } from "../program.ts";

const [capacity, atOnce, discount] = [10_000, 64, 0.99];
/** Moves before it learns, and between two renewals of the older copy. */
const [before, renewal] = [1000, 200];
/** How often an action is random: always at first, from move 3,000 on in one of 50. */
const chance = (move: number) => Math.max(0.02, 1 - move / 3000);

export const dqn: Program = {
  title: "Deep Q-network",
  about: "to balance a pole, from random moments of its past",
  time: "30 s",
  reaches: "a mean return of 195 or more, of at most 200",
  epochs: 10, // of 50 episodes each
  quick: {},
  async start({ backend }) {
    const { rand, tensor, zeros } = backend;
    const model = Chain(Linear(4, 64), relu, Linear(64, 64), relu, Linear(64, 2)); // Q(s, a)
    const older = freeze(clone(model));
    const optimizer = adam({ lr: (step) => 0.001 / (1 + step / 5000) });

    /** A row for each of the last moves: the cart, the action, the cart afterwards, and whether the pole fell. */
    const memory = { moves: box(zeros([capacity, 10])), count: 0 };
    function remember({ cart, action, next, fell }: Move): void {
      const place = tensor([memory.count++ % capacity], { dtype: "i32" });
      memory.moves.value = indexCopy(memory.moves, place, tensor([[...cart, action, ...next, Number(fell)]]));
    }

    /** Q(s, a) should be 1 + γ max Q'(s', a'), or 1 where the pole fell. */
    function loss(moves: Tensor): Tensor {
      const [cart, action, next, fell] = split(moves, [4, 1, 4, 1], { axis: 1 }) as [Tensor, Tensor, Tensor, Tensor];
      const future = max(older(next), { axis: 1, keepDims: true });
      const wanted = add(1, mul(mul(discount, sub(1, fell)), future));
      return huber(gather(model(cart), cast(action, "i32"), { axis: 1 }), wanted);
    }
    function learn(): void {
      const known = tensor(Math.min(memory.count, capacity));
      const some = take(memory.moves, cast(floor(mul(rand([atOnce]), known)), "i32"));
      optimizer.update(diff(() => loss(some)));
    }

    async function act(cart: Cart): Promise<number> {
      const [luck, which] = await scope(() => rand([2]).data());
      if (luck! < chance(memory.count)) return Math.floor(2 * which!);
      return scope(() => argmax(model(tensor([cart]))).item());
    }
    async function play(): Promise<number> {
      let steps = 0;
      for await (const move of episode(backend, act)) {
        steps++;
        scope(() => remember(move));
        if (memory.count > before) scope(learn);
        if (memory.count % renewal === 0) copyInto(model, older);
      }
      return steps;
    }
    return playing({ model, agent: model, state: { older, optimizer, memory }, play }, backend);
  },
};
