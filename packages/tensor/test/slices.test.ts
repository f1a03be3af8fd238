// Slices with bounds beyond the axis and with steps either way: each is compared with Python's x[start:end:step].
import { expect, test } from "vitest";
import { slice } from "../src/index.ts";
import { reference } from "./backend.ts";

const { tensor } = reference();
const n = 5;
const x = tensor([0, 1, 2, 3, 4]);

/** Python's definition: negative bounds are shifted by n, then clipped. */
function python(start: number | null, end: number | null, step: number): number[] {
  const [low, high] = step > 0 ? [0, n] : [-1, n - 1];
  const clip = (at: number) => Math.min(Math.max(at < 0 ? at + n : at, low), high);
  const [from, to] = [
    start === null ? (step > 0 ? low : high) : clip(start),
    end === null ? (step > 0 ? high : low) : clip(end),
  ];
  const places: number[] = [];
  for (let i = from; step > 0 ? i < to : i > to; i += step) places.push(i);
  return places;
}

test("the reference agrees with cases that Python printed", () => {
  expect(python(-10, null, -1)).toEqual([]);
  expect(python(null, -10, -1)).toEqual([4, 3, 2, 1, 0]);
  expect(python(10, null, -2)).toEqual([4, 2, 0]);
  expect(python(-10, 10, 2)).toEqual([0, 2, 4]);
  expect(python(3, -10, -1)).toEqual([3, 2, 1, 0]);
  expect(python(3, 0, -1)).toEqual([3, 2, 1]);
});

test("all bounds from -7 to 7 or left out, with steps from -6 to 6", () => {
  const bounds = [null, ...Array.from({ length: 15 }, (_, i) => i - 7), -100, 100];
  for (const step of [-6, -3, -2, -1, 1, 2, 3, 6])
    for (const start of bounds)
      for (const end of bounds) {
        const got = slice(x, { starts: [start], ends: [end], steps: [step] });
        const wanted = python(start, end, step);
        if (got.shape[0] !== wanted.length || String(got.arraySync()) !== String(wanted))
          expect.fail(`x[${start}:${end}:${step}] is ${String(got.arraySync())}, wanted ${String(wanted)}`);
      }
});
