// Iterators that are left in the middle, without a break: what they have is freed when they are collected.
import { minibatch, takeFirst } from "@weft/data";
import { scope, sum } from "@weft/tensor";
import { open as openCpu } from "@weft/tensor-cpu";
import { open as openWebGpu } from "@weft/tensor-webgpu";
import { expect, test } from "vitest";
import { untilFewLive } from "../../tensor-cpu/test/garbage.ts";

const backends = [openCpu, ...(process.env["WEFT_NO_DRIVER"] === undefined ? [openWebGpu] : [])] as const;
const host = { data: Float32Array.from({ length: 24 }, (_, i) => i), shape: [8, 3], dtype: "f32" } as const;

test.each(backends.map((open) => [open]))("on %#: their batches are freed, also those made ahead", async (open) => {
  const backend = await open({});
  const batches = minibatch(host, 2, { backend, prefetch: 2, transform: (x) => x.mul(2) });
  const few = backend.stats().live;
  /** So that nothing on this stack refers to an iterator. */
  const leave = async (later: boolean, items: number) => {
    for (const source of [batches, takeFirst(batches, 4)]) {
      const iterator = later ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
      for (let i = 0; i < items; i++) {
        const { value } = await iterator.next();
        await scope(async () => sum(value!).item());
      }
    }
  };
  for (const later of [false, true]) for (const items of [1, 2]) await leave(later, items);
  backend.flush();
  expect(backend.stats().live).toBeGreaterThan(few);
  await untilFewLive(backend, few);
});

test("a batch of such an iterator lives as long as the program has it", async () => {
  const backend = await openCpu({});
  const batches = minibatch(host, 2, { backend });
  const peeked = [batches[Symbol.iterator]().next().value!, (await batches[Symbol.asyncIterator]().next()).value!];
  const [other] = [minibatch(host, 2, { backend })[Symbol.iterator]().next().value!];
  backend.flush();
  await untilFewLive(backend, 3);
  for (const x of [...peeked, other]) expect([...(await x.data())]).toEqual([0, 1, 2, 3, 4, 5]);
  other.release();
  peeked.length = 0;
  await untilFewLive(backend, 0);
});
