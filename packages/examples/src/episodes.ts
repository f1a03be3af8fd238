// Episodes of CartPole: playing one, and what can be learned from its moves.
import { scope, type Creation, type Tensor } from "@weft/tensor";
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
