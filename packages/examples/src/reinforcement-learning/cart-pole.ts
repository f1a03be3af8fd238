// A pole that stands on a cart, and falls unless the cart is pushed left and right in time: the task CartPole-v0 of
// OpenAI's Gym, with its constants (after Barto, Sutton and Anderson 1983). The reward of each step is 1.

/** Where the cart is and how fast it moves (m, m/s); how far the pole leans and how fast it turns (rad, rad/s). */
export type State = readonly [x: number, xDot: number, theta: number, thetaDot: number];

/** An episode ends after so many steps, if the pole still stands. */
export const maxSteps = 200;

const gravity = 9.8;
const mass = { cart: 1, pole: 0.1 };
const halfLength = 0.5; // of the pole
const pushForce = 10;
const tau = 0.02; // seconds between two pushes
const xThreshold = 2.4;
const thetaThreshold = (12 * 2 * Math.PI) / 360;

/** The beginning of an episode: near the middle and nearly upright, by four random numbers in [0, 1). */
export function reset([x, xDot, theta, thetaDot]: Iterable<number>): State {
  const near = (random: number | undefined): number => 0.1 * random! - 0.05;
  return [near(x), near(xDot), near(theta), near(thetaDot)];
}

/** The state one step later: the cart was pushed to the left (0) or to the right (1). */
export function step([x, xDot, theta, thetaDot]: State, action: number): State {
  const total = mass.cart + mass.pole;
  const [sin, cos] = [Math.sin(theta), Math.cos(theta)];
  const push = ((action === 1 ? pushForce : -pushForce) + mass.pole * halfLength * thetaDot ** 2 * sin) / total;
  const thetaAcc = (gravity * sin - cos * push) / (halfLength * (4 / 3 - (mass.pole * cos ** 2) / total));
  const xAcc = push - (mass.pole * halfLength * thetaAcc * cos) / total;
  return [x + tau * xDot, xDot + tau * xAcc, theta + tau * thetaDot, thetaDot + tau * thetaAcc];
}

/** Whether the pole fell, or the cart left the track. */
export const done = ([x, , theta]: State): boolean => Math.abs(x) > xThreshold || Math.abs(theta) > thetaThreshold;
