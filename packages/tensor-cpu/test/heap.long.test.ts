// The heap: blocks never overlap, what is free is used again, and the top comes down when what lies there is free.
import { MemoryError, scope } from "@weft/tensor";
import { expect, test } from "vitest";
import { Heap, type Block } from "../src/heap.ts";
import { openSync } from "../src/index.ts";

const MB = 2 ** 20;

function overlap(blocks: readonly Block[]): boolean {
  const sorted = blocks.toSorted((a, b) => a.address - b.address);
  return sorted.some((b, i) => i > 0 && sorted[i - 1]!.address + sorted[i - 1]!.bytes > b.address);
}

test("blocks of random sizes that come and go never overlap, and hold what they are asked for", () => {
  const heap = new Heap(16 * MB);
  let state = 1;
  const random = (below: number): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) % below;
  const blocks: Block[] = [];
  let refused = 0;
  for (let i = 0; i < 4000; i++) {
    if (blocks.length > 0 && random(100) < 48) heap.free(blocks.splice(random(blocks.length), 1)[0]!);
    const bytes = 1 + random(2 ** (4 + random(17)));
    try {
      const block = heap.allocate(bytes);
      expect(block.bytes).toBeGreaterThanOrEqual(bytes);
      blocks.push(block);
    } catch (error) {
      expect(error).toBeInstanceOf(MemoryError);
      refused++;
      for (const block of blocks.splice(0, blocks.length >> 1)) heap.free(block);
    }
    if (i % 200 === 0) expect(overlap(blocks)).toBe(false);
  }
  expect(overlap(blocks)).toBe(false);
  expect(refused).toBeGreaterThan(0);
  expect(heap.reserved).toBeLessThanOrEqual(16 * MB);
});

test("all that is free is joined again: many small blocks become a large one", () => {
  const heap = new Heap(4 * MB);
  const small = Array.from({ length: 50 }, () => heap.allocate(64 * 1024));
  expect(() => heap.allocate(3 * MB)).toThrow(MemoryError);
  for (const block of small) heap.free(block);
  const top = heap.reserved;
  const large = heap.allocate(3 * MB);
  expect(large.address + large.bytes).toBeLessThanOrEqual(4 * MB);
  expect(heap.reserved).toBeLessThanOrEqual(Math.max(top, large.address + large.bytes));
});

test("the top comes down past what is free at the end, and not past what lives", () => {
  const heap = new Heap(8 * MB);
  const low = heap.allocate(MB);
  const [middle, high] = [heap.allocate(2 * MB), heap.allocate(4 * MB)];
  for (const block of [middle, high]) heap.free(block);
  // Neither hole is large enough by itself: they are joined, and the top falls to where the living block ends.
  const next = heap.allocate(6 * MB);
  expect(next.address).toBeGreaterThanOrEqual(low.address + low.bytes);
  expect(overlap([low, next])).toBe(false);
});

test("plans that fall out of their cache give the memory of their arguments back", () => {
  const backend = openSync({});
  /** Programs that differ in their operations alone. All their values are held, so that each plan has many arguments. */
  const run = (k: number): void =>
    scope(() => {
      let y = backend.tensor(new Float32Array(16));
      for (let i = 0; i < 600; i++) y = (k >> (i % 12)) & 1 ? y.add(0.5) : y.mul(0.5);
      y.dataSync();
    });
  const grown: number[] = [];
  for (let round = 0, k = 0; round < 8; round++) {
    for (let i = 0; i < 100; i++) run(k++);
    grown.push(backend.stats().heap);
  }
  expect(backend.stats()).toMatchObject({ plans: 800, live: 0 });
  run(0); // long gone: planned again
  expect(backend.stats().plans).toBe(801);
  // Nothing was dropped in the second round, and as much as came was dropped in the last ones.
  expect(grown[1]! - grown[0]!).toBeGreaterThan(MB / 16);
  expect(grown[7]! - grown[6]!).toBeLessThan((grown[1]! - grown[0]!) / 4);
});
