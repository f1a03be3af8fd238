// The backward pass of a long tape releases what it has finished, so that a tape does not hold everything twice.
import { diff, grad, param } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { scope, sum, tanh, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";

/** The most values that were live at one time while a function ran. */
function peakOf(backend: ReturnType<typeof openSync>, f: () => void): number {
  let peak = 0;
  const run = backend.run.bind(backend);
  backend.run = (...args: Parameters<typeof run>) => {
    const y = run(...args);
    peak = Math.max(peak, backend.live());
    return y;
  };
  try {
    f();
  } finally {
    backend.run = run;
  }
  return peak;
}

const LONG = 4000;
const deep = (x: Tensor): Tensor => {
  let y = x;
  for (let i = 0; i < LONG; i++) y = tanh(y);
  return sum(y);
};

test("a tape of 4,000 operations keeps little more than its values", () => {
  const backend = openSync();
  const p = scope(() => param(backend.tensor([0.5])));
  // Forward: one value an operation. A backward step makes about four more, which would be 16,000 if all lived to the end.
  const peak = peakOf(backend, () => scope(() => void diff(() => deep(p as never)).grad(p)));
  expect(peak).toBeGreaterThan(LONG);
  expect(peak).toBeLessThan(1.8 * LONG);
});

test("so does the gradient of a function, whose value is correct", () => {
  const backend = openSync();
  const x = backend.tensor([0.5]);
  let wanted = 1;
  for (let i = 0, y = 0.5; i < LONG; i++) wanted *= 1 - (y = Math.tanh(y)) ** 2;
  let found = 0;
  const peak = peakOf(backend, () => scope(() => void (found = grad(deep)(x).itemSync() as number)));
  expect(found / wanted).toBeCloseTo(1, 9);
  expect(peak).toBeLessThan(1.8 * LONG);
});
