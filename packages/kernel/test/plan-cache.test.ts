// The cache of plans: found again by their signature, bounded, and the half that was not used for longest goes, told to its driver.
import { expect, test } from "vitest";
import { Node } from "../src/graph/node.ts";
import { codeOf } from "../src/graph/operation.ts";
import { bytesOfPlan, PlanCache, Signature } from "../src/graph/signature.ts";

const signature = new Signature();
/** The signature of a value of n elements. */
function of(n: number): Signature {
  signature.read([new Node("neg", codeOf("neg"), [], undefined, [n], "f32")], [], 1);
  return signature;
}
const length = of(1).copy().length;

function cacheOf(plans: number): { cache: PlanCache<number>; dropped: number[]; add: (n: number) => void } {
  const dropped: number[] = [];
  const cache = new PlanCache<number>(plans * bytesOfPlan(length), (n) => dropped.push(n));
  const add = (n: number): void => {
    const { hash } = of(n);
    cache.add(hash, of(n).copy(), n);
  };
  return { cache, dropped, add };
}

test("what was added is found, what was not is not, also where hashes are equal", () => {
  const { cache, add } = cacheOf(100);
  for (let n = 1; n <= 50; n++) add(n);
  for (let n = 1; n <= 50; n++) expect(cache.find(of(n))).toBe(n);
  expect(cache.find(of(51))).toBe(undefined);
  const { hash } = of(51);
  cache.add(hash, of(52).copy(), -1); // another plan under the same hash
  expect(cache.find(of(51))).toBe(undefined);
  cache.add(hash, of(51).copy(), 51);
  expect(cache.find(of(51))).toBe(51);
});

test("when it is full, the half that was not used for longest goes, once, and the rest stays", () => {
  const { cache, dropped, add } = cacheOf(8);
  for (let n = 1; n <= 8; n++) add(n);
  expect(dropped).toEqual([]);
  for (const n of [1, 3, 5, 7]) cache.find(of(n)); // used last
  add(9);
  expect(dropped.toSorted()).toEqual([2, 4, 6, 8]);
  for (const n of [1, 3, 5, 7, 9]) expect(cache.find(of(n))).toBe(n);
  for (const n of [2, 4, 6, 8]) expect(cache.find(of(n))).toBe(undefined);
});

test("it grows no further, however much is added, and drops each plan once", () => {
  const { cache, dropped, add } = cacheOf(10);
  for (let n = 1; n <= 1000; n++) {
    add(n);
    expect(cache.find(of(n))).toBe(n);
  }
  expect(new Set(dropped).size).toBe(dropped.length);
  let held = 0;
  for (let n = 1; n <= 1000; n++) if (cache.find(of(n)) !== undefined) held++;
  expect(held).toBe(1000 - dropped.length);
  expect(held).toBeLessThanOrEqual(10);
  expect(held).toBeGreaterThanOrEqual(5);
});

test("all go at once, each is dropped, and there is room again", () => {
  const { cache, dropped, add } = cacheOf(4);
  for (const n of [1, 2, 3]) add(n);
  cache.clear();
  expect(dropped).toEqual([1, 2, 3]);
  for (let n = 1; n <= 4; n++) {
    expect(cache.find(of(n))).toBe(undefined);
    add(n);
  }
  expect(dropped).toEqual([1, 2, 3]);
  for (let n = 1; n <= 4; n++) expect(cache.find(of(n))).toBe(n);
});
