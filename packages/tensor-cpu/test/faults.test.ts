// Faults that there once were in the deferred graph, each with the smallest program that showed it.
import { Chain, Embedding } from "@weft/nn";
import { add, mul, scope, sum, transpose } from "@weft/tensor";
import { expect, test, vi } from "vitest";
import { Heap } from "../src/heap.ts";
import { openSync } from "../src/index.ts";

const MB = 1 << 20;

test("a plan that finds no memory gives back what it had taken", () => {
  const backend = openSync({ memoryLimit: 8 * MB });
  const large = () =>
    scope(() => {
      const x = backend.ones([MB / 2]); // 2 MB each: the fourth finds no room
      return [add(x, 1), mul(x, 2), mul(x, 3), mul(x, 5)];
    });
  expect(large).toThrow("no memory");
  expect(backend.stats().live).toBe(0);
});

test("an upload whose shape is refused takes no memory", () => {
  const backend = openSync({});
  expect(() => backend.upload(new Float32Array(4), [-4], "f32")).toThrow("upload");
  expect(backend.stats()).toMatchObject({ live: 0, bytes: 0 });
});

test("a read that finds no room for its copy gives back what it was copied from", () => {
  const backend = openSync();
  const x = transpose(backend.tensor([1, 2, 3, 4], { shape: [2, 2] }));
  const { live } = backend.stats();
  const read = vi.spyOn(Heap.prototype, "read").mockImplementation(() => {
    throw new RangeError("Array buffer allocation failed");
  });
  try {
    expect(() => x.dataSync()).toThrow("allocation failed");
  } finally {
    read.mockRestore();
  }
  expect(backend.stats().live).toBe(live);
  expect([...x.dataSync()]).toEqual([1, 3, 2, 4]);
});

test("a value that was lost when a launch failed is refused by later operations, too", () => {
  const backend = openSync({ memoryLimit: 4 * MB });
  const [apart, lost] = [add(backend.ones([4]), 1), add(backend.ones([4 * MB]), 1)];
  expect([...apart.dataSync()]).toEqual([2, 2, 2, 2]);
  const told = "was lost when an earlier launch failed: tensor-cpu: no memory for";
  expect(() => lost.dataSync()).toThrow(told);
  expect(() => scope(() => sum(add(lost, 1)).itemSync())).toThrow(told);
});

test("an IndexError names the place in the user's program, through layers too", () => {
  const backend = openSync({ seed: 1 });
  const model = Chain(Chain(Chain(Embedding(5, 2))));
  expect(() => model(backend.tensor([7], { dtype: "i32" })).dataSync()).toThrow(/faults\.test\.ts/);
});

test("an IndexError names that place also after many steps that were alike", () => {
  const backend = openSync({ seed: 1 });
  const model = Embedding(5, 2);
  const read = (index: number) => scope(() => model(backend.tensor([index], { dtype: "i32" })).dataSync());
  for (let i = 0; i < 30; i++) read(i % 5);
  expect(() => read(7)).toThrow(/faults\.test\.ts/);
});
