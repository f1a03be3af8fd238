// Initializers against their formulas: bounds and standard deviations from fan-in and fan-out, also for non-square
// shapes.
import { expect, test } from "vitest";
import { draws } from "../src/host-random.ts";
import { normalPair } from "../src/normal-pair.ts";
import { fanInUniform, heNormal, heUniform, normal, run, xavierNormal, xavierUniform } from "../src/initializers.ts";

const make = (init: Parameters<typeof run>[0], shape: readonly number[]): number[] => [
  ...(run(init, shape, draws([1, 2])) as Float64Array),
];
const largest = (values: readonly number[]): number => Math.max(...values.map(Math.abs));
const spread = (values: readonly number[]): number => Math.sqrt(values.reduce((n, v) => n + v * v, 0) / values.length);

/** fanIn and fanOut as PyTorch counts them. */
const shapes: readonly (readonly [shape: number[], fanIn: number, fanOut: number])[] = [
  [[200, 50], 50, 200],
  [[50, 200], 200, 50],
  [[10, 40, 5, 5], 1000, 250],
  [[40, 10, 5, 5], 250, 1000],
];

test.each(shapes)("%j has %i values in and %i out", (shape, fanIn, fanOut) => {
  const bound = (init: Parameters<typeof run>[0], wanted: number): void => {
    const values = make(init, shape);
    // 10,000 even draws come within a thousandth of the bound.
    expect(largest(values)).toBeLessThanOrEqual(wanted);
    expect(largest(values)).toBeGreaterThan(0.995 * wanted);
  };
  const std = (init: Parameters<typeof run>[0], wanted: number): void => {
    expect(Math.abs(spread(make(init, shape)) / wanted - 1)).toBeLessThan(0.03);
  };
  bound(xavierUniform(), Math.sqrt(6 / (fanIn + fanOut)));
  bound(xavierUniform({ gain: 2 }), 2 * Math.sqrt(6 / (fanIn + fanOut)));
  bound(heUniform(), Math.sqrt(6 / fanIn));
  bound(heUniform({ negativeSlope: 2 }), Math.sqrt(6 / (5 * fanIn)));
  bound(fanInUniform(fanIn), 1 / Math.sqrt(fanIn));
  std(xavierNormal(), Math.sqrt(2 / (fanIn + fanOut)));
  std(heNormal(), Math.sqrt(2 / fanIn));
});

test("normal draws follow Box and Muller, with arithmetic that is the same on every engine", () => {
  const words = [
    0,
    1,
    2 ** 29,
    2 ** 30 - 1,
    2 ** 30,
    2 ** 31,
    3 * 2 ** 30,
    2 ** 32 - 2,
    2 ** 32 - 1,
    0x9e3779b9,
    0x5bd1e995,
  ];
  for (const a of words)
    for (const b of words) {
      const radius = Math.sqrt(-2 * Math.log((a + 1) * 2 ** -32));
      const angle = 2 * Math.PI * b * 2 ** -32;
      const [x, y] = normalPair([a, b]);
      expect(x).toBeCloseTo(radius * Math.cos(angle), 14);
      expect(y).toBeCloseTo(radius * Math.sin(angle), 14);
    }
});

test("normal draws are all different, not correlated in pairs, and as many as asked for", () => {
  for (const count of [0, 1, 2, 7, 10_000]) {
    const z = make(normal(), [count]);
    expect(z).toHaveLength(count);
    expect(new Set(z).size).toBe(count);
    expect(z.every(Number.isFinite)).toBe(true);
  }
  const z = make(normal(), [20_000]);
  const mean = (list: readonly number[]): number => list.reduce((n, v) => n + v, 0) / list.length;
  const [even, odd] = [0, 1].map((k) => z.filter((_, i) => i % 2 === k)) as [number[], number[]];
  for (const half of [even, odd]) {
    expect(Math.abs(mean(half))).toBeLessThan(0.03);
    expect(Math.abs(spread(half) - 1)).toBeLessThan(0.02);
    expect(Math.abs(mean(half.map((v) => v ** 4)) - 3)).toBeLessThan(0.25);
  }
  // The two of a pair, and neighbors of two pairs, do not depend on each other; nor do their squares.
  for (const other of [odd, [...odd.slice(1), odd[0]!]]) {
    expect(Math.abs(mean(even.map((v, i) => v * other[i]!)))).toBeLessThan(0.03);
    expect(Math.abs(mean(even.map((v, i) => (v * v - 1) * (other[i]! ** 2 - 1))))).toBeLessThan(0.06);
  }
  // And they are the same for an odd count, up to its end.
  expect(make(normal(), [7])).toEqual(make(normal(), [8]).slice(0, 7));
});
