// Loops without a scope in a page: the heap stays flat, whether the page gets a turn or not.
import { diff, param, scope } from "@weft/autograd";
import { Chain, Linear, seed } from "@weft/nn";
import { add, matmul, mul, relu, square, sub, sum, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import { openSync, type CpuBackend } from "../src/index.ts";

const LIMIT = 1 << 20;
const STEPS = 4000;

const world = (): { backend: CpuBackend; x: Tensor } => {
  const backend = openSync({ memoryLimit: LIMIT, seed: 1 });
  return { backend, x: backend.randn([16, 16]) };
};
const flat = (backend: CpuBackend): void => {
  expect(backend.stats().moved).toBeGreaterThan(LIMIT);
  expect(backend.stats().heap).toBeLessThan(LIMIT);
};

test("a model that is only awaited", async () => {
  const { backend, x } = world();
  seed(1);
  const model = Chain(Linear(16, 32), relu, Linear(32, 10));
  const first = await model(x).data();
  for (let i = 0; i < STEPS; i++) await model(x).data();
  expect(await model(x).data()).toEqual(first);
  flat(backend);
});

test("operations read at once", () => {
  const { backend, x } = world();
  for (let i = 0; i < STEPS; i++) add(mul(x, i), 1).sum().itemSync();
  flat(backend);
});

test("gradients by hand, and an asynchronous scope", async () => {
  const { backend, x } = world();
  const p = scope(() => param(backend.randn([16, 32])));
  for (let i = 0; i < STEPS; i++) {
    const tape = diff(() => sum(square(matmul(x, p))));
    p.value = sub(p.value, mul(tape.grad(p), 1e-4));
    await scope(async () => {
      await tape.value.item();
      await p.value.mul(2).sum().item();
    });
  }
  flat(backend);
});
