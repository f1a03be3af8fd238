// How many batches of random pixels ResNet-50 is measured on.
import { expect, test } from "vitest";
import { longEnough } from "../src/programs/resnet50.ts";

/** How many of 40 batches are taken, each of so many seconds. */
function taken(each: number): number {
  let seconds = 0;
  for (const _ of longEnough(Array.from({ length: 40 }), () => seconds)) seconds += each;
  return seconds / each;
}

test.each([
  [0.0625, 40], // all of them, on a device that is quick, whatever its name
  [0.5, 20], // until it is long enough
  [1.25, 8],
  [64, 8], // no fewer than that
])("batches of %d seconds: %i are measured", (each, count) => {
  expect(taken(each)).toBe(count);
});
