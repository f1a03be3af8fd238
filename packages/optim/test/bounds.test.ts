// What must not grow: steps queued ahead of a device, and the state of discarded optimizers listed by parameters.
import { param, type Param } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { square, sub, sum, type Tensor, type TypedArray } from "@weft/tensor";
import { expect, test } from "vitest";
import { collect } from "../../tensor-cpu/test/garbage.ts";
import { adam, minimize, momentum, sgd } from "../src/index.ts";

test("minimize queues at most 16 steps ahead of what the device has computed", async () => {
  const backend = openSync({});
  const p = param(backend.tensor([3]));
  const answers: (() => void)[] = [];
  const read = backend.read.bind(backend);
  // A device whose reads resolve on demand.
  backend.read = (x: Tensor) =>
    new Promise<TypedArray>((resolve, reject) => answers.push(() => void read(x).then(resolve, reject)));
  const targets = Array.from({ length: 50 }, () => backend.tensor([0]));
  let steps = 0;
  const all = (async () => {
    for await (const _ of minimize((x: Tensor) => sum(square(sub(p, x))), targets, sgd())) steps++;
  })();
  // Wait until nothing changes any more: the loop also yields to the event loop now and then.
  const settle = async (): Promise<void> => {
    for (let quiet = 0, before = -1; quiet < 10; quiet = steps === before ? quiet + 1 : 0) {
      before = steps;
      for (let i = 0; i < 50; i++) await Promise.resolve();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  };
  await settle();
  expect(steps).toBe(15); // the 16th waits for the read that the 8th started
  answers.shift()!();
  await settle();
  expect(steps).toBe(23);
  let running = true;
  void all.then(() => (running = false));
  while (running) {
    answers.shift()?.();
    await settle();
  }
  expect(steps).toBe(50);
});

test("a parameter drops the state of discarded optimizers", async () => {
  const backend = openSync({});
  const p: Param = param(backend.tensor([3]));
  const train = async (make: typeof adam): Promise<void> => {
    await minimize((x: Tensor) => sum(square(sub(p, x))), [backend.tensor([0])], make());
  };
  const listed = (): number => p.belongings.size;
  for (let i = 0; i < 20; i++) await train(adam);
  expect(listed()).toBeGreaterThan(0);
  await collect();
  await train(momentum as typeof adam);
  expect(listed()).toBeLessThanOrEqual(2);
});
