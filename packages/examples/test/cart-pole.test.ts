// CartPole against the formulas of Gym, written as they stand there.
import { expect, test } from "vitest";
import { done, maxSteps, reset, step, type State } from "../src/cart-pole.ts";

/** `CartPoleEnv.step` of Gym, with Euler's method, in its own names. */
function gym([x, xDot, theta, thetaDot]: State, action: number): State {
  const [gravity, massCart, massPole, length, forceMag, tau] = [9.8, 1, 0.1, 0.5, 10, 0.02];
  const totalMass = massPole + massCart;
  const poleMassLength = massPole * length;
  const force = action === 1 ? forceMag : -forceMag;
  const [cosTheta, sinTheta] = [Math.cos(theta), Math.sin(theta)];
  const temp = (force + poleMassLength * thetaDot * thetaDot * sinTheta) / totalMass;
  const thetaAcc =
    (gravity * sinTheta - cosTheta * temp) / (length * (4 / 3 - (massPole * cosTheta * cosTheta) / totalMass));
  const xAcc = temp - (poleMassLength * thetaAcc * cosTheta) / totalMass;
  return [x + tau * xDot, xDot + tau * xAcc, theta + tau * thetaDot, thetaDot + tau * thetaAcc];
}

test("a cart moves as Gym's does", () => {
  let state = reset([0.1, 0.9, 0.4, 0.7]);
  for (let t = 0; t < 300; t++) {
    const action = (t * t + Math.floor(t / 3)) % 2;
    const wanted = gym(state, action);
    state = step(state, action);
    for (const [i, x] of state.entries()) expect(x).toBeCloseTo(wanted[i]!, 12);
  }
});

test("an episode begins within 0.05 of upright, and in the middle", () => {
  expect(reset([0, 0.5, 0.25, 0.75])).toEqual([-0.05, 0, -0.025, expect.closeTo(0.025, 15)]);
  expect(maxSteps).toBe(200);
});

test.each([
  [[2.4, 0, 0, 0], false],
  [[2.41, 0, 0, 0], true],
  [[-2.41, 0, 0, 0], true],
  [[0, 9, 0.209, 9], false],
  [[0, 0, 0.2095, 0], true],
  [[0, 0, -0.2095, 0], true],
] as const)("%j is over: %s", (state, wanted) => {
  expect(done(state)).toBe(wanted);
});
