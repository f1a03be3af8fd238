// Integers that floats would round stay exact: pooling as of floats where these are exact, powers of matrices as products, counts of intervals.
import * as T from "@weft/tensor";
import type { MaxPoolOptions, Tensor } from "@weft/tensor";
import { beforeEach, describe, expect, test } from "vitest";
import { openSync, type CpuBackend } from "../src/index.ts";
import { codes, computingWith } from "./codes.ts";

/** The first integer that f32 does not hold. */
const P = 2 ** 24 + 1;

describe.each(codes)("%s", (_, native) => {
  computingWith(native);
  let b: CpuBackend;
  beforeEach(() => {
    b = openSync({});
  });
  const of = (values: readonly number[], shape: readonly number[]): Tensor =>
    b.tensor(Int32Array.from(values), { shape });
  const read = (x: Tensor): unknown => [x.dtype, [...x.dataSync()]];

  test("maxima of windows", () => {
    const x = of([P - 1, P, -P, -P - 1], [1, 1, 4]);
    const pooled = T.maxPoolWithIndices(x, { window: 2 });
    for (const y of [T.maxPool(x, { window: 2 }), pooled.values, T.adaptiveMaxPool(x, 2)])
      expect(read(y)).toEqual(["i32", [P, -P]]);
    expect(read(pooled.indices)).toEqual(["i32", [1, 2]]);
    expect(read(T.maxUnpool(pooled.values, pooled.indices, { window: 2 }))).toEqual(["i32", [0, P, -P, 0]]);
    expect(read(T.globalMaxPool(x))).toEqual(["i32", [P]]);
    expect(read(T.adaptiveMaxPool(x, 3))).toEqual(["i32", [P, P, -P]]);
    expect(read(T.adaptiveMaxPoolWithIndices(x, 3).indices)).toEqual(["i32", [1, 1, 2]]);
    const low = of([-(2 ** 31), -(2 ** 31)], [1, 1, 2]);
    expect(read(T.maxPoolWithIndices(low, { window: 2, stride: 1, padding: 1 }).indices)).toEqual(["i32", [0, 0, 1]]);
  });

  const options: readonly MaxPoolOptions[] = [
    { window: 2 },
    { window: 3, stride: 1, padding: 1 },
    { window: [3, 2], stride: [2, 1], padding: 1, dilation: [1, 2], ceilMode: true },
    { window: 2, stride: [2, 3], padding: "same", dilation: [2, 1], ceilMode: true },
    { window: [7, 9] },
  ];
  test.each(options)("as of floats: %o", (option) => {
    for (const range of [2, 100]) {
      const x = of(
        Array.from({ length: 2 * 3 * 7 * 9 }, (__, i) => ((i * 7919) % 1013) % range),
        [2, 3, 7, 9],
      );
      const [whole, floats] = [x, T.cast(x, "f32")].map((t) => T.maxPoolWithIndices(t, option));
      expect(whole!.values.arraySync()).toEqual(floats!.values.arraySync());
      expect(whole!.indices.arraySync()).toEqual(floats!.indices.arraySync());
      expect(T.maxPool(x, option).arraySync()).toEqual(floats!.values.arraySync());
    }
  });

  test("powers of matrices", () => {
    const a = of([4097, 0, 0, 1], [2, 2]);
    expect(read(T.matrixPower(a, 2))).toEqual(["i32", [4097 ** 2, 0, 0, 1]]);
    expect(read(T.matrixPower(a, 2))).toEqual(read(T.matmul(a, a)));
    expect(read(T.matrixPower(of([P], [1, 1]), 1))).toEqual(["i32", [P]]);
    expect(read(T.matrixPower(of([1, 1, 1, 0], [2, 2]), 40))).toEqual([
      "i32",
      [165580141, 102334155, 102334155, 63245986],
    ]);
    expect(read(T.matrixPower(a, 0))).toEqual(["i32", [1, 0, 0, 1]]);
    expect(read(T.matrixPower(of([4, 0, 0, 1], [2, 2]), -1))).toEqual(["f32", [0.25, 0, 0, 1]]);
    expect(read(T.matrixPower(T.equal(of([1, 1, 0, 1], [2, 2]), 1), 2))).toEqual(["i32", [1, 2, 0, 1]]);
  });

  describe("histogram", () => {
    /** The counts of x, by exact arithmetic: an interval begins at first + k · (last − first) / bins. */
    function counted(x: readonly number[], bins: number, first: number, last: number): Float32Array {
      const [low, width] = [BigInt(2 * first), BigInt(2 * last) - BigInt(2 * first)];
      const counts = new Float32Array(bins);
      for (const v of x) {
        const at = (BigInt(2 * v) - low) * BigInt(bins);
        if (at >= 0n && at <= width * BigInt(bins)) counts[Math.min(bins - 1, Number(at / width))]!++;
      }
      return counts;
    }

    test("counts what floats do not tell apart", () => {
      const x = [P - 1, P, P + 1];
      expect(read(T.histogram(of(x, [3]), { bins: 3 }).counts)).toEqual(["f32", [1, 1, 1]]);
      const edges = of([P - 1, P, P + 1], [3]);
      expect(read(T.histogram(of(x, [3]), { bins: edges }).counts)).toEqual(["f32", [1, 2]]);
      expect(read(T.histogram(of(x, [3]), { bins: 3, range: [P - 1, P + 1] }).counts)).toEqual(["f32", [1, 1, 1]]);
      expect(read(T.histogram(of([P, P], [2]), { bins: 4 }).counts)).toEqual(["f32", [0, 0, 2, 0]]);
    });

    test.each([1, 2, 3, 7, 10, 100, 50_000, 2 ** 19])("%i intervals of integers of any size", (bins) => {
      for (const [low, size] of [
        [-5, 11],
        [P, 30],
        [-(2 ** 31), 40],
        [-(2 ** 31), 2 ** 32 - 1],
        [-7, 1000],
      ] as const) {
        const x = Array.from({ length: 60 }, (__, i) => low + Math.floor((size * ((i * 37) % 60)) / 59));
        const [first, last] = [Math.min(...x), Math.max(...x)];
        const y = T.histogram(of(x, [60]), { bins }).counts;
        expect({ low, size, y: y.dataSync() }).toEqual({ low, size, y: counted(x, bins, first, last) });
        if (size > 2 ** 31) continue;
        const some = T.histogram(of(x, [60]), { bins, range: [first + 0.5, last - 1] }).counts;
        expect({ low, y: some.dataSync() }).toEqual({ low, y: counted(x, bins, first + 0.5, last - 1) });
      }
    });

    test("edges between integers, weights, nothing, and many intervals", () => {
      const x = of([0, 1, 2, 3, P], [5]);
      const edges = b.tensor([-Infinity, 0.5, 2, 2.5, Infinity]);
      expect([...T.histogram(x, { bins: edges }).counts.dataSync()]).toEqual([1, 1, 1, 2]);
      expect([...T.histogram(x, { bins: edges, weights: T.cast(x, "f32") }).counts.dataSync()]).toEqual([
        0,
        1,
        2,
        Math.fround(3 + (P - 1)),
      ]);
      expect([...T.histogram(of([], [0]), { bins: 2 }).counts.dataSync()]).toEqual([0, 0]);
      expect(T.sum(T.histogram(x, { bins: 50_000 }).counts).itemSync()).toBe(5);
    });
  });
});
