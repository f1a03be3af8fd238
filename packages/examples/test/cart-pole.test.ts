// CartPole against numbers that Gymnasium's documentation has, steps computed by hand, and the equations of motion.
import { expect, test } from "vitest";
import { done, maxSteps, reset, step, type State } from "../src/reinforcement-learning/cart-pole.ts";

const close = (state: State): State => state.map((x) => expect.closeTo(x, 7) as number) as unknown as State;

test("a cart moves as in the documentation of Gymnasium (`gymnasium.Env.step`, seed 42)", () => {
  const begun: State = [0.0273956, -0.00611216, 0.03585979, 0.0197368];
  const right: State = [0.02727336, 0.18847767, 0.03625453, -0.26141977];
  expect(step(begun, 1)).toEqual(close(right));
  expect(step(right, 0)).toEqual(close([0.03104291, -0.00714255, 0.03102613, 0.04247424]));
});

// With M = 1 kg, m = 0.1 kg, l = 0.5 m, g = 9.8 m/s² and F = ±10 N. At rest and upright the second equation below is
// ẍ = −(4/3) l θ̈, so the first one is (4/3 · 1.1 − 0.1) · 0.5 θ̈ = −F: θ̈ = ∓600/41, ẍ = ±400/41. One step is 1/50 s.
test.each([
  ["at rest, pushed to the right", [0, 0, 0, 0], 1, [0, 8 / 41, 0, -12 / 41]],
  ["at rest, pushed to the left", [0, 0, 0, 0], 0, [0, -8 / 41, 0, 12 / 41]],
  // The pole is level: its weight alone turns it, θ̈ = g / (4/3 l) = 14.7, and θ̇² pulls it along: ẍ = (10 + 0.05 · 4) / 1.1.
  ["with a level pole that turns", [1, 0.5, Math.PI / 2, 2], 1, [1.01, 0.5 + 0.204 / 1.1, Math.PI / 2 + 0.04, 2.294]],
] as const)("%s, it moves as computed by hand", (_, state, action, wanted) => {
  for (const [i, x] of step(state, action).entries()) expect(x).toBeCloseTo(wanted[i]!, 12);
});

test("forces and torques are in balance", () => {
  let state = reset([0.1, 0.9, 0.4, 0.7]);
  for (let t = 0; t < 300; t++) {
    const action = (t * t + Math.floor(t / 3)) % 2;
    const next = step(state, action);
    const [x, xDot, theta, thetaDot] = state;
    expect(next[0]).toBeCloseTo(x + xDot / 50, 12);
    expect(next[2]).toBeCloseTo(theta + thetaDot / 50, 12);
    const [xAcc, thetaAcc] = [50 * (next[1] - xDot), 50 * (next[3] - thetaDot)];
    // The equations of motion that Lagrange's method gives for a cart and a uniform rod of length 2 l.
    const force = 1.1 * xAcc + 0.05 * (thetaAcc * Math.cos(theta) - thetaDot ** 2 * Math.sin(theta));
    const torque = 0.05 * xAcc * Math.cos(theta) + (0.1 / 3) * thetaAcc - 0.49 * Math.sin(theta);
    const size = 1 + thetaDot ** 2; // rounding grows with it
    expect(Math.abs(force - (action === 1 ? 10 : -10))).toBeLessThan(1e-11 * size);
    expect(Math.abs(torque)).toBeLessThan(1e-11 * size);
    state = next;
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
