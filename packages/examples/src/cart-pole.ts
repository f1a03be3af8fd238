// A pole that stands on a cart, and falls unless the cart is pushed left and right in time: the task CartPole-v0 of
// OpenAI's Gym, with its constants (after Barto, Sutton and Anderson 1983).

/** Where the cart is and how fast it moves (m, m/s); how far the pole leans and how fast it turns (rad, rad/s). */
export type Cart = readonly [x: number, speed: number, angle: number, turning: number];

/** An episode ends after so many steps, if the pole still stands. */
export const longest = 200;

const gravity = 9.8;
const mass = { cart: 1, pole: 0.1 };
const half = 0.5; // of the length of the pole
const force = 10;
const seconds = 0.02; // between two pushes
const edge = 2.4;
const steepest = (12 * 2 * Math.PI) / 360;

/** The beginning of an episode: near the middle and nearly upright, by four random numbers in [0, 1). */
export const placed = (random: ArrayLike<number>): Cart =>
  Array.from({ length: 4 }, (_, i) => 0.1 * random[i]! - 0.05) as unknown as Cart;

/** The cart one step later: it was pushed to the left (0) or to the right (1). */
export function pushed([x, speed, angle, turning]: Cart, action: number): Cart {
  const all = mass.cart + mass.pole;
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
  const push = ((action === 1 ? force : -force) + mass.pole * half * turning ** 2 * sin) / all;
  const turn = (gravity * sin - cos * push) / (half * (4 / 3 - (mass.pole * cos ** 2) / all));
  const drive = push - (mass.pole * half * turn * cos) / all;
  return [x + seconds * speed, speed + seconds * drive, angle + seconds * turning, turning + seconds * turn];
}

/** Whether the pole fell, or the cart left the track. */
export const isOver = ([x, , angle]: Cart): boolean => Math.abs(x) > edge || Math.abs(angle) > steepest;
