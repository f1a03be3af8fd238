// Random tensors against their distributions: moments, and counts in cells of known probability (chi-squared). Seeds are
// fixed, so nothing here depends on chance; a bound is exceeded by one of a thousand seeds or fewer.
import { openSync } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import {
  ArgumentError,
  bernoulli,
  categorical,
  DTypeError,
  exponential,
  multinomial,
  permutation,
  ShapeError,
  sort,
  truncatedNormal,
} from "../src/index.ts";
import { reference } from "./backend.ts";

const backend = openSync({ seed: 3 });
const { tensor, full } = backend;

/** Σ (observed − expected)² / expected over cells. */
function chiSquared(samples: ArrayLike<number>, cell: (x: number) => number, probabilities: readonly number[]): number {
  const counts = probabilities.map(() => 0);
  for (let i = 0; i < samples.length; i++) counts[cell(samples[i]!)]!++;
  return probabilities.reduce((sum, p, k) => {
    const wanted = p * samples.length;
    if (p === 0) expect(counts[k]).toBe(0);
    return p === 0 ? sum : sum + (counts[k]! - wanted) ** 2 / wanted;
  }, 0);
}

/** The value that chi-squared exceeds with probability 0.001 (Wilson and Hilferty 1931). */
const critical = (freedom: number): number =>
  freedom * (1 - 2 / (9 * freedom) + 3.09 * Math.sqrt(2 / (9 * freedom))) ** 3;

function expectChoices(samples: ArrayLike<number>, probabilities: readonly number[]): void {
  const freedom = Math.max(1, probabilities.filter((p) => p > 0).length - 1);
  expect(chiSquared(samples, (x) => x, probabilities)).toBeLessThan(critical(freedom));
}

test("bernoulli", () => {
  for (const p of [0, 0.1, 0.5, 0.9, 1])
    expectChoices(
      bernoulli(full([10_000], p), { seed: 1 }).dataSync(),
      [1 - p, p].map((q) => Math.fround(q)),
    );
  const each = bernoulli(tensor([[0, 1, 0], [1, 0, 1]])); // prettier-ignore
  expect(each.arraySync()).toEqual([[0, 1, 0], [1, 0, 1]]); // prettier-ignore
});

test("exponential", () => {
  const n = 20_000;
  const x = exponential(n, { backend, rate: 2, seed: 1 });
  expect(Math.abs(x.mean().itemSync() - 0.5)).toBeLessThan((3.3 * 0.5) / Math.sqrt(n));
  expect(Math.abs(x.variance().itemSync() - 0.25)).toBeLessThan((3.3 * 0.25 * Math.sqrt(8)) / Math.sqrt(n));
  const even = Array.from({ length: 20 }, () => 1 / 20);
  const cell = (y: number): number => Math.min(19, Math.floor(20 * -Math.expm1(-2 * y)));
  expect(chiSquared(x.dataSync(), cell, even)).toBeLessThan(critical(19));
  expect(x.min().itemSync()).toBeGreaterThan(0);
});

test("truncatedNormal", () => {
  const n = 20_000;
  const x = truncatedNormal([n], { backend, seed: 1 });
  // Within two standard deviations the variance is 1 − 4φ(2)/(2Φ(2) − 1).
  expect(Math.abs(x.mean().itemSync())).toBeLessThan((3.3 * 0.88) / Math.sqrt(n));
  expect(Math.abs(x.variance().itemSync() - 0.7737)).toBeLessThan(0.02);
  expect(Math.max(...x.abs().dataSync())).toBeLessThanOrEqual(2);
  // Φ at −1, 0 and 1 standard deviation, between those at −1.5 and 2.
  const phi = [0.0668072, 0.1586553, 0.5, 0.8413447, 0.9772499];
  const cells = phi.slice(1).map((p, i) => (p - phi[i]!) / (phi[4]! - phi[0]!));
  const y = truncatedNormal([n], { backend, mean: 3, std: 2, low: 0, high: 7, seed: 2 }).dataSync();
  expect(chiSquared(y, (v) => Math.min(3, Math.floor((v - 3) / 2) + 2), cells)).toBeLessThan(critical(3));
  expect([Math.min(...y) >= 0, Math.max(...y) <= 7]).toEqual([true, true]);
  const open = truncatedNormal([n], { backend, low: 0, high: Infinity, seed: 3 });
  expect(Math.abs(open.mean().itemSync() - Math.sqrt(2 / Math.PI))).toBeLessThan(0.02);
  expect(Number.isFinite(open.max().itemSync())).toBe(true);
  const tail = truncatedNormal([1000], { backend, low: 3, high: 4, seed: 4 });
  expect(tail.mean().itemSync()).toBeCloseTo(3.26, 1);
  expect(() => truncatedNormal([1], { backend, std: Infinity })).toThrow("a positive finite number as std");
});

test("truncatedNormal far from the mean", () => {
  // erfc(x/√2) at 6, 6.1, 6.2, 6.4 and 7
  const q = [1.9731752900754e-9, 1.06068465258977e-9, 5.64631607408654e-10, 1.55376951634197e-10, 2.55962508777167e-12];
  const cells = q.slice(1).map((p, i) => (q[i]! - p) / (q[0]! - q[4]!));
  const cell = (x: number): number => [6.1, 6.2, 6.4].filter((edge) => x >= edge).length;
  const far = truncatedNormal([20_000], { backend, low: 6, high: 7, seed: 1 }).dataSync();
  expect(chiSquared(far, cell, cells)).toBeLessThan(critical(3));
  const mirrored = truncatedNormal([20_000], { backend, mean: 14, std: 2, low: 0, high: 2, seed: 2 }).dataSync();
  expect(chiSquared(mirrored, (x) => cell((14 - x) / 2), cells)).toBeLessThan(critical(3));
  const spread = (low: number, high: number, std = 1): number[] => {
    const x = truncatedNormal([1000], { backend, low, high, std, seed: 3 });
    expect([x.min().itemSync() >= Math.fround(low), x.max().itemSync() <= Math.fround(high)]).toEqual([true, true]);
    return [x.mean().itemSync() - low, new Set(x.dataSync()).size];
  };
  const [even, many] = spread(6, 6.001);
  expect([Math.abs(even! - 0.0005) < 3e-5, many! > 500]).toEqual([true, true]);
  expect(spread(50, Infinity)[0]).toBeCloseTo(1 / 50, 2);
  expect(Math.abs(spread(1e6, 2e6)[0]!)).toBeLessThan(0.1);
  expect(spread(1, 2, 1e-30)[0]).toBe(0);
});

test("permutation", () => {
  const orders = Array.from({ length: 1200 }, (_, i) => permutation(3, { backend, seed: i }).dataSync());
  const code = (order: ArrayLike<number>): number => order[0]! * 2 + (order[1]! > order[2]! ? 1 : 0);
  expectChoices(orders.map(code), [1, 1, 1, 1, 1, 1].map((x) => x / 6)); // prettier-ignore
  const long = permutation(1000, { backend });
  expect(sort(long).values.dataSync()).toEqual(Int32Array.from({ length: 1000 }, (_, i) => i));
  expect([long.dtype, permutation(0, { backend }).shape]).toEqual(["i32", [0]]);
});

test("multinomial with replacement", () => {
  const weights = tensor([1, 0, 4, 2, 3, 0]);
  const x = multinomial(weights, 10_000, { replacement: true, seed: 1 });
  expect([x.dtype, x.shape]).toEqual(["i32", [10_000]]);
  expectChoices(x.dataSync(), [0.1, 0, 0.4, 0.2, 0.3, 0]);
  const rows = multinomial(tensor([[0, 1], [1, 0]]), 3, { replacement: true }); // prettier-ignore
  expect(rows.arraySync()).toEqual([[1, 1, 1], [0, 0, 0]]); // prettier-ignore
});

test("multinomial of weights that are not small numbers", () => {
  const drawn = (w: number[], replacement = true, count = 40) =>
    [...new Set(multinomial(tensor(w), count, { replacement, seed: 1 }).dataSync())].toSorted();
  expect(drawn([2e38, 2e38, 0])).toEqual([0, 1]);
  expect(drawn([1, Infinity, 1e38, Infinity])).toEqual([1, 3]);
  expect(drawn([NaN, 1, -3, 2])).toEqual([1, 3]);
  expect(drawn([0, NaN, -1])).toEqual([0]);
  const firsts = multinomial(full([40, 1], 1).mul(tensor([2e38, 2e38])), 1, { seed: 1 }).dataSync();
  expect(new Set(firsts).size).toBe(2);
  expect(drawn([NaN, 1, -3, 2], false, 2)).toEqual([1, 3]);
});

test("multinomial without replacement: each draw is in proportion to what is left", () => {
  const n = 10_000;
  const w = [1, 4, 5].map((x) => x / 10);
  const pairs = multinomial(full([n, 1], 10).mul(tensor(w)), 2, { seed: 5 }).dataSync();
  const codes = Array.from({ length: n }, (_, i) => pairs[2 * i]! * 3 + pairs[2 * i + 1]!);
  const cells = w.flatMap((p, i) => w.map((q, j) => (i === j ? 0 : (p * q) / (1 - p))));
  expectChoices(codes, cells);
  expect(multinomial(tensor([0, 1, 0]), 3, { seed: 1 }).dataSync()[0]).toBe(1);
  expect(() => multinomial(tensor([1, 2]), 3)).toThrow(
    "multinomial: cannot draw 3 of 2 categories without replacement",
  );
  expect(() => multinomial(tensor(1), 1)).toThrow(ShapeError);
});

test("categorical: temperature, topK and topP", () => {
  const p = [0.4, 0.3, 0.2, 0.1];
  const logits = full([10_000, 1], 5).add(tensor([...p.map(Math.log), -Infinity]));
  const share = (kept: readonly number[]): number[] => {
    const total = kept.reduce((a, b) => a + b);
    return kept.map((x) => x / total);
  };
  const draws = (how: object) => categorical(logits, { seed: 7, ...how }).dataSync();
  expectChoices(draws({}), [...p, 0]);
  expectChoices(draws({ temperature: 0.5 }), share([0.16, 0.09, 0.04, 0.01, 0]));
  expectChoices(draws({ topK: 2 }), share([0.4, 0.3, 0, 0, 0]));
  expectChoices(draws({ topP: 0.65 }), share([0.4, 0.3, 0, 0, 0]));
  expectChoices(draws({ topP: 0.75 }), share([0.4, 0.3, 0.2, 0, 0]));
  expectChoices(draws({ topK: 3, topP: 0.8 }), share([0.4, 0.3, 0.2, 0, 0])); // 0.4 and 0.3 of 0.9 are less than 0.8
  for (const how of [{ temperature: 0 }, { topK: 1 }, { topP: 0 }, { temperature: 1e-30 }])
    expect(new Set(draws(how))).toEqual(new Set([0]));
  expect(categorical(tensor([[1, 2], [2, 1]]), { temperature: 0 }).arraySync()).toEqual([1, 0]); // prettier-ignore
});

test("categorical never draws −∞, and draws at any temperature", () => {
  const logits = full([2000, 1], 0).add(tensor([0, -Infinity, 1, -1]));
  const draws = (temperature: number) => categorical(logits, { temperature, seed: 1 }).dataSync();
  for (const most of [Infinity, 1e39]) expectChoices(draws(most), [1 / 3, 0, 1 / 3, 1 / 3]);
  expectChoices(draws(1e-60), [0, 0, 1, 0]);
  expect(categorical(tensor([[0, NaN], [-Infinity, -Infinity]]), { temperature: Infinity }).dataSync()).toEqual(new Int32Array([1, 0])); // prettier-ignore
});

test("draws are the same on every backend, and follow the stream without a seed", () => {
  const other = reference();
  const all = (on: typeof backend | typeof other) => [
    exponential([9], { backend: on, seed: 1 }),
    truncatedNormal([9], { backend: on, seed: 1 }),
    permutation(9, { backend: on, seed: 1 }),
    bernoulli(on.full([9], 0.5), { seed: 1 }),
    multinomial(on.ones([9]), 4, { seed: 1 }),
    categorical(on.zeros([9, 4]), { seed: 1 }),
  ];
  const wanted = all(other).map((x) => [...x.dataSync()]);
  all(backend).forEach((x, i) => [...x.dataSync()].forEach((v, j) => expect(v).toBeCloseTo(wanted[i]![j]!, 5)));
  backend.seed(3);
  const first = permutation(50, { backend }).dataSync();
  expect(permutation(50, { backend }).dataSync()).not.toEqual(first);
  backend.seed(3);
  expect(permutation(50, { backend }).dataSync()).toEqual(first);
});

test("what is refused", () => {
  expect(() => exponential([2], { backend: openSync as never })).toThrow(
    "exponential: wanted a backend, such as the result of await open() as backend, got the function openSync",
  );
  const bare: [f: () => unknown, call: string][] = [
    [() => exponential([2, 3], {} as never), "exponential([2, 3], { backend: await open() })"],
    [() => truncatedNormal([2], { std: 2 } as never), "truncatedNormal([2], { backend: await open() })"],
    [() => permutation(...([4] as unknown as [number, never])), "permutation(4, { backend: await open() })"],
  ];
  for (const [f, call] of bare) expect(f).toThrow(`: wanted a backend, as in ${call}`);
  expect(() => exponential([2], { backend, dtype: "i32" })).toThrow(DTypeError);
  expect(() => truncatedNormal([2], { backend, low: 1, high: 1 })).toThrow(ArgumentError);
  expect(() => categorical(tensor([1, 2]), { temperature: -1 })).toThrow(ArgumentError);
  expect(() => permutation(-1, { backend })).toThrow("permutation: wanted a non-negative integer as n");
  expect(() => bernoulli(0.5)).toThrow("bernoulli: wanted a tensor, got the number 0.5");
});
