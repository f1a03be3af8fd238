// Places in the arena: what lives at the same time never shares memory, and nothing lies across the boundary of two blocks.
import { expect, test } from "vitest";
import { layOut, type Life } from "../src/plan/arena.ts";

/** Lives of random sizes and lengths. */
function lives(seed: number, most: number): Life[] {
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  return Array.from({ length: 120 }, (_, index) => {
    const first = random(60);
    const bytes = random(most) + 1;
    return { slot: { index, bytes, kind: "arena", offset: -1 }, first, last: first + random(12) };
  });
}

test.each([
  [1, Infinity],
  [2, Infinity],
  [3, 4096],
  [4, 4096],
  [5, 1024],
  [6, 64],
])("random lives of seed %d in blocks of %d bytes", (seed, most) => {
  const all = lives(seed, Math.min(most, 4096));
  const total = layOut(all, most);
  for (const { slot } of all) {
    expect(slot.offset).toBeGreaterThanOrEqual(0);
    expect(slot.offset % 64).toBe(0);
    expect(slot.offset + slot.bytes).toBeLessThanOrEqual(total);
    expect(Math.floor(slot.offset / most)).toBe(Math.floor((slot.offset + slot.bytes - 1) / most));
  }
  for (const a of all)
    for (const b of all) {
      const together = a !== b && a.first <= b.last && b.first <= a.last;
      const apart = a.slot.offset + a.slot.bytes <= b.slot.offset || b.slot.offset + b.slot.bytes <= a.slot.offset;
      if (together && !apart) expect.fail(`${a.slot.index} and ${b.slot.index} share memory`);
    }
  // Not much more than what lives at one time.
  const alive = (t: number): number =>
    all.reduce((sum, { slot, first, last }) => sum + (first <= t && t <= last ? slot.bytes : 0), 0);
  const peak = Math.max(...Array.from({ length: 72 }, (_, t) => alive(t)));
  expect(total).toBeLessThan(2.5 * peak);
});
