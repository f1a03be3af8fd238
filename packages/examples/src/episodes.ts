// Episodes of CartPole: playing one, and what can be learned from its moves.
import { categorical, scope, type Creation, type Tensor } from "@weft/tensor";
import { isOver, longest, placed, pushed, type Cart } from "./cart-pole.ts";

/** From carts `[N, 4]` to a score of each action, `[N, 2]`. */
export type Agent = (carts: Tensor) => Tensor;

/** One step of an episode. */
export interface Move {
  readonly cart: Cart;
  readonly action: number;
  /** The cart afterwards, and whether the pole fell. */
  readonly next: Cart;
  readonly fell: boolean;
}

/** Plays one episode. All chance is in the backend's stream of random numbers. */
export async function* episode({ rand }: Creation, act: (cart: Cart) => Promise<number>): AsyncGenerator<Move> {
  let cart = placed(await scope(() => rand([4]).data()));
  for (let t = 0; t < longest && !isOver(cart); t++) {
    const action = await act(cart);
    const next = pushed(cart, action);
    yield { cart, action, next, fell: isOver(next) };
    cart = next;
  }
}

/** An action for a cart, drawn with the probabilities that the agent gives. */
export const drawn =
  (agent: Agent, { tensor }: Creation) =>
  (cart: Cart): Promise<number> =>
    scope(() => categorical(agent(tensor([cart]))).item());

/** What follows each of some moves: G(t) = 1 + γ G(t + 1), with `last` after all of them. */
export function following(count: number, discount: number, last = 0): number[] {
  const gains: number[] = [];
  for (let t = 0, gain = last; t < count; t++) gains.unshift((gain = 1 + discount * gain));
  return gains;
}

/** Moves with a number each, as tensors of `length` rows: one shape for all. `real` is 0 where there is no move. */
export function batchOf(moves: readonly Move[], numbers: readonly number[], length: number, { tensor }: Creation) {
  const rows = <T>(of: (move: Move, t: number) => T, nothing: T): T[] =>
    Array.from({ length }, (_, t) => (t < moves.length ? of(moves[t]!, t) : nothing));
  const actions = rows(({ action }) => action, 0);
  return {
    carts: tensor(rows<Cart>(({ cart }) => cart, [0, 0, 0, 0])),
    actions: tensor(actions, { dtype: "i32" }),
    numbers: tensor(rows((_, t) => numbers[t]!, 0)),
    real: tensor(rows(() => 1, 0)),
  };
}
