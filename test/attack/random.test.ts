// Random numbers: what is drawn for different purposes from one seed has nothing in common, integers are fair, and a seed is an
// integer from 0 everywhere.
import { open as reference } from "@weft/conformance";
import { minibatch, shuffle } from "@weft/data";
import { Linear, dropout, params, seed as seedModels } from "@weft/nn";
import { ArgumentError, cast, greater, type Backend, type Creation, type Tensor } from "@weft/tensor";
import { open as openCpu } from "@weft/tensor-cpu";
import { open as openWebGpu } from "@weft/tensor-webgpu";
import { describe, expect, test } from "vitest";

type B = Backend & Creation;
const N = 20_000;

/** Pearson's correlation of two draws. */
function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const mean = (x: ArrayLike<number>): number => Array.from(x).reduce((s, v) => s + v, 0) / x.length;
  const [p, q] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += (a[i]! - p) * (b[i]! - q);
    aa += (a[i]! - p) ** 2;
    bb += (b[i]! - q) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

const samplers: Record<string, (b: B, seed: number) => Tensor> = {
  rand: (b, seed) => b.rand(N, { seed }),
  randn: (b, seed) => b.randn(N, { seed }),
  "|randn|": (b, seed) => b.randn(N, { seed }).abs(),
  randint: (b, seed) => b.randint(N, { high: 1000, seed }),
  dropout: (b, seed) => cast(greater(dropout(b.ones(N), 0.5, { seed, training: true }), 0), "f32"),
  "the stream": (b, seed) => (b.seed(seed), b.rand(N)),
  "the stream, next": (b, seed) => (b.seed(seed), b.rand(1), b.rand(N)),
};

const backends: Record<string, () => Promise<B>> = {
  "the reference": async () => reference({ rounding: true }),
  "the CPU": () => openCpu({}),
  "the CPU, unmerged": () => openCpu({ fuse: false }),
};
const webGpu = process.env["WEFT_NO_DRIVER"] === undefined;

describe.each(Object.entries(backends))("%s", (_, open) => {
  test("samplers of one seed are independent", async () => {
    const b = await open();
    for (const seed of [0, 1, 2 ** 32, 2 ** 53 - 1]) {
      const draws: [string, ArrayLike<number>][] = [];
      for (const [name, draw] of Object.entries(samplers)) draws.push([name, await draw(b, seed).data()]);
      for (const [i, [p, x]] of draws.entries())
        for (const [q, y] of draws.slice(i + 1))
          if (!p.includes("randn") || !q.includes("randn"))
            expect(Math.abs(correlation(x, y)), `${p} and ${q} of ${seed}`).toBeLessThan(0.04);
    }
  });

  test.each([
    [-1_500_000_000, 1_500_000_000],
    [0, 3 * 2 ** 29],
    [-(2 ** 31), 2 ** 30],
    [-(2 ** 31), 2 ** 31],
    [0, 2 ** 31],
    [5, 8],
    [-(2 ** 31), -(2 ** 31) + 3],
  ])("integers from %d to below %d are fair", async (low, high) => {
    const b = await open();
    const draws = await b.randint(N, { low, high, seed: 3 }).data();
    const thirds = [0, 0, 0];
    for (const x of draws) {
      if (!(x >= low && x < high)) expect.fail(`${x} lies outside`);
      thirds[Math.floor(((x - low) / (high - low)) * 3)]!++;
    }
    for (const n of thirds) expect(Math.abs(n / N - 1 / 3)).toBeLessThan(0.015);
  });
});

test.skipIf(!webGpu)("WebGPU draws the same integers as the CPU", async () => {
  const [a, b] = [await openCpu({}), await openWebGpu({})];
  for (const range of [
    { low: -7, high: 1_000_003 },
    { low: -1_500_000_000, high: 2_000_000_000 },
  ])
    expect(await b.randint(300, { ...range, seed: 5 }).data()).toEqual(
      await a.randint(300, { ...range, seed: 5 }).data(),
    );
});

test("seeds are integers from 0 to 2^53 - 1, wherever they are given", async () => {
  const b = await openCpu({});
  for (const seed of [1.5, NaN, -1, Infinity, 2 ** 53, "1", null, 1n, {}] as number[]) {
    const calls: (() => unknown)[] = [
      () => b.seed(seed),
      () => b.rand(2, { seed }),
      () => b.randn(2, { seed }),
      () => b.randint(2, { high: 5, seed }),
      () => dropout(b.ones(2), 0.5, { seed, training: true }),
      () => seedModels(seed),
      () => shuffle([1, 2, 3], { seed }),
      () => minibatch([1, 2, 3], 1, { shuffle: true, seed }),
    ];
    for (const call of calls) expect(call, `${call} with ${String(seed)}`).toThrow(ArgumentError);
    await expect(openCpu({ seed })).rejects.toThrow(ArgumentError);
    if (webGpu) await expect(openWebGpu({ seed })).rejects.toThrow(ArgumentError);
  }
});

test("no two seeds are one", async () => {
  const seeds = [0, 1, 2, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 52, 2 ** 53 - 1];
  const b = await openCpu({});
  const draws: Record<string, (seed: number) => Promise<unknown>> = {
    open: async (seed) => (await openCpu({ seed })).rand(4).data(),
    seed: (seed) => (b.seed(seed), b.rand(4).data()),
    rand: (seed) => b.rand(4, { seed }).data(),
    randn: (seed) => b.randn(4, { seed }).data(),
    randint: (seed) => b.randint(4, { high: 2 ** 30, seed }).data(),
    shuffle: async (seed) => [
      ...shuffle(
        Array.from({ length: 40 }, (_, i) => i),
        { seed },
      ),
    ],
    models: async (seed) => {
      seedModels(seed);
      const p = params(Linear(4, 1))[0]!;
      return p.initialize(b).value.data();
    },
  };
  for (const [name, draw] of Object.entries(draws)) {
    const seen = new Set<string>();
    for (const seed of seeds) seen.add(String(await draw(seed)));
    expect({ name, seen: seen.size }).toEqual({ name, seen: seeds.length });
  }
  seedModels(0);
});
