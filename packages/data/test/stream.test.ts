// The streams behind shuffles and digits: each integer is equally likely, also if 2^32 is not a multiple of the range.
import { expect, test } from "vitest";
import { permutation, purpose, stream } from "../src/stream.ts";

test("below is fair: of a range of 3 · 2^30, a third lies in the first 2^30", () => {
  // Taking remainders would put half there.
  const random = stream(1, purpose.items, 0);
  let low = 0;
  for (let i = 0; i < 6000; i++) {
    const x = random.below(3 * 2 ** 30);
    expect(x).toBeLessThan(3 * 2 ** 30);
    if (x < 2 ** 30) low++;
  }
  expect(low / 6000).toBeGreaterThan(0.3);
  expect(low / 6000).toBeLessThan(0.36);
});

test("below 1 is 0, and below 2^32 is the bits themselves", () => {
  const [a, b] = [stream(5, purpose.items, 3), stream(5, purpose.items, 3)];
  for (let i = 0; i < 20; i++) expect(a.below(2 ** 32)).toBe(b.bits());
  expect(a.below(1)).toBe(0);
});

test("every permutation of three is equally likely", () => {
  const counts = new Map<string, number>();
  for (let pass = 0; pass < 6000; pass++) {
    const order = permutation(3, stream(9, purpose.batches, pass)).join("");
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  expect([...counts.keys()].toSorted()).toEqual(["012", "021", "102", "120", "201", "210"]);
  for (const n of counts.values()) expect(Math.abs(n - 1000)).toBeLessThan(120);
});
