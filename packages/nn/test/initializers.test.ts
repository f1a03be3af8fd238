// Initializers against their formulas: bounds and standard deviations from fan-in and fan-out, also for non-square
// shapes.
import { expect, test } from "vitest";
import { draws } from "../src/host-random.ts";
import { normalPair } from "../src/normal-pair.ts";
import { fanInUniform, heNormal, heUniform, lecunUniform, normal, run } from "../src/initializers.ts";
import { xavierNormal, xavierUniform } from "../src/initializers.ts";
import { bilinear, orthogonal } from "../src/structured-initializers.ts";
import { lecunNormal, truncatedNormal } from "../src/truncated-normal.ts";

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
  bound(lecunUniform(), Math.sqrt(3 / fanIn));
  std(lecunNormal(), Math.sqrt(1 / fanIn));
  expect(largest(make(lecunNormal(), shape))).toBeLessThanOrEqual(2.28 / Math.sqrt(fanIn));
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

test("truncated normal values lie between their bounds, as dense as the normal distribution", () => {
  const n = 20_000;
  // The standard normal distribution function at −2, −1, 0, 1 and 2.
  const below = [0.0227501, 0.1586553, 0.5, 0.8413447, 0.9772499];
  const z = make(truncatedNormal(), [n]);
  const chiSquared = below.slice(1).reduce((sum, p, k) => {
    const wanted = (n * (p - below[k]!)) / (below[4]! - below[0]!);
    return sum + (z.filter((v) => Math.floor(v) === k - 2).length - wanted) ** 2 / wanted;
  }, 0);
  expect(chiSquared).toBeLessThan(16); // exceeded with probability 0.001
  for (const [low, high, mean] of [
    [1, 9, 3.566], // most of the distribution
    [-4, -1, -1.718], // the tail of N(3, 2²) beyond two standard deviations
    [-Infinity, -37, -37.0995], // 20 standard deviations away
  ] as const) {
    const values = make(truncatedNormal({ mean: 3, std: 2, low, high }), [n]);
    expect(values.every((v) => v >= low && v <= high)).toBe(true);
    expect(values.reduce((sum, v) => sum + v, 0) / n).toBeCloseTo(mean, 1);
  }
  expect(() => truncatedNormal({ low: 1, high: 1 })).toThrow(
    "truncatedNormal: wanted low < high, got low 1 and high 1",
  );
});

test("orthogonal matrices have orthonormal rows, or columns if there are more rows", () => {
  for (const shape of [
    [3, 3],
    [2, 5],
    [5, 2],
    [4, 2, 3, 1],
    [0, 3],
    [1, 1],
  ]) {
    // oxfmt-ignore
    const [rows = 0, ...rest] = shape;
    const columns = rest.reduce((a, b) => a * b);
    const q = make(orthogonal({ gain: 2 }), shape);
    const at = (i: number, k: number): number => (rows <= columns ? q[i * columns + k]! : q[k * columns + i]!);
    const [few, many] = [Math.min(rows, columns), Math.max(rows, columns)];
    for (let i = 0; i < few; i++)
      for (let j = 0; j < few; j++) {
        const dot = Array.from({ length: many }, (_, k) => at(i, k) * at(j, k)).reduce((a, b) => a + b);
        expect(dot).toBeCloseTo(i === j ? 4 : 0, 12);
      }
    expect(q).toHaveLength(rows * columns);
  }
  expect(() => make(orthogonal(), [3])).toThrow("orthogonal: wanted a shape with at least two axes, got [3]");
});

test("bilinear kernels interpolate each channel by itself", () => {
  const even = [1 / 4, 3 / 4, 3 / 4, 1 / 4];
  const plane = even.flatMap((a) => even.map((b) => a * b));
  const none = plane.map(() => 0);
  expect(make(bilinear(), [2, 2, 4, 4])).toEqual([...plane, ...none, ...none, ...plane]);
  expect(make(bilinear(), [2, 1, 4, 4])).toEqual([...plane, ...plane]);
  make(bilinear(), [1, 1, 5]).forEach((v, i) => expect(v).toBeCloseTo([1 / 3, 2 / 3, 1, 2 / 3, 1 / 3][i]!, 15));
  expect(() => make(bilinear(), [2, 3, 4, 4])).toThrow("bilinear: wanted a shape [channels, channels, …kernel]");
});
