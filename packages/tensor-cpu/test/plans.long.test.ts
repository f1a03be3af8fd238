// What plans hold in JavaScript's heap: a bounded number of bytes where structures do not come back, and nothing after `destroy()`.
import { diff, param } from "@weft/autograd";
import { add, matmul, mul, scope, sum, tanh, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import { openSync, type CpuBackend } from "../src/index.ts";
import { heapUsed } from "./garbage.ts";

let state = 1;
const random = (): number => (state = (state * 16_807) % (2 ** 31 - 1)) / 2 ** 31;

/** Steps of a network over another random binary tree in each: every plan is a new one. */
function steps(b: CpuBackend, n: number): void {
  const [left, right] = [param(b.ones([4, 4])), param(b.ones([4, 4]))];
  const tree = (leaves: number): Tensor => {
    if (leaves === 1) return b.ones([1, 4]);
    const l = 1 + Math.floor(random() * (leaves - 1));
    return tanh(add(matmul(tree(l), left), matmul(tree(leaves - l), right)));
  };
  const before = b.stats().plans;
  for (let i = 0; i < n; i++)
    scope(() => {
      const tape = diff(() => sum(tree(40)));
      left.value = add(left.value, mul(tape.grad(left), 0.01));
    });
  expect(b.stats().plans - before).toBeGreaterThanOrEqual(n);
}

test("plans that do not come back hold about 100 MB, and destroy() gives them back", { timeout: 60_000 }, async () => {
  const b = openSync({});
  steps(b, 5);
  const before = await heapUsed();
  steps(b, 50);
  const perStep = ((await heapUsed()) - before) / 50;
  expect(perStep).toBeGreaterThan(100_000); // or the next lines say little
  steps(b, Math.ceil(300e6 / perStep));
  expect((await heapUsed()) - before).toBeLessThan(180e6); // other tests of this process leave garbage, too
  b.destroy();
  expect((await heapUsed()) - before).toBeLessThan(8e6);
  expect(b.stats().plans).toBeGreaterThan(0); // it is still in use here
});
