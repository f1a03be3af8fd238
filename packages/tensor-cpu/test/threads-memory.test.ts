// Several threads where memory is small, and where it grows while they work.
import { scope } from "@weft/autograd";
import { LSTM, seed } from "@weft/nn";
import { add, matmul, MemoryError, type Tensor, type TypedArray } from "@weft/tensor";
import { describe, expect, test } from "vitest";
import { make, type CpuBackend } from "../src/open.ts";
import { codes, computingWith } from "./codes.ts";
import { EAGER, joined } from "./joined.ts";

describe.each(codes)("%s", (_, native) => {
  computingWith(native);

  test("with little memory a large operand is packed piece by piece", async () => {
    const fits = async (threads: number, memoryLimit: number): Promise<boolean> => {
      const b = await joined(make({ threads, seed: 1, memoryLimit }, EAGER));
      try {
        const y = scope(() => matmul(b.ones([100, 1000]), b.ones([1000, 1000]))).dataSync();
        expect(y.every((value) => value === 1000)).toBe(true);
        return true;
      } catch (error) {
        expect(error).toBeInstanceOf(MemoryError);
        return false;
      }
    };
    const limits = [5, 6, 7, 8, 9, 10, 12].map((n) => n * 2 ** 20);
    // Where a worker counts is given back only once it has ended.
    for (const limit of limits) if (await fits(1, limit)) expect(await fits(2, limit + 2 ** 18)).toBe(true);
    expect(await fits(2, limits.at(-1)!)).toBe(true);
  });

  test("a heap that grows is seen by workers that have begun", async () => {
    const [alone, three] = [make({ threads: 1 }), await joined(make({ threads: 3 }, EAGER))];
    for (const b of [alone, three]) b.seed(1);
    const kept: Tensor[] = [];
    const program = (b: CpuBackend): TypedArray => {
      seed(1);
      kept.push(b.zeros([1 << 20]));
      return scope(() => LSTM({ in: 12, hidden: 16 })(b.randn([9, 7, 12]))).dataSync();
    };
    for (let i = 0; i < 40; i++) expect(program(three)).toEqual(program(alone));
    expect(three.stats().heap).toBeGreaterThan(2 ** 26);
  });

  test("memory for one thread is enough: then there is one", async () => {
    const [alone, four] = [1, 4].map((threads) => make({ threads, seed: 1, memoryLimit: 1 << 21 }, EAGER));
    await joined(four!);
    for (const b of [alone, four]) b!.seed(1);
    const program = (b: CpuBackend): TypedArray =>
      scope(() => matmul(b.randn([300, 300]), b.randn([300, 300]))).dataSync();
    expect(program(four!)).toEqual(program(alone!));
  });

  test("products in a heap that grows while others work", async () => {
    const b = await joined(make({ threads: 3 }, EAGER));
    const [x, y] = [b.ones([90, 70]), b.ones([70, 60])];
    const before = b.stats().heap;
    for (let i = 0; i < 40; i++) {
      const large = b.zeros([1 << (14 + (i % 7))]);
      expect(new Set(scope(() => add(matmul(x, y), i)).dataSync())).toEqual(new Set([70 + i]));
      if (i % 3 === 0) large.release();
    }
    expect(b.stats().heap).toBeGreaterThan(before + 2 ** 24);
    expect(b.stats().helped).toBeGreaterThan(20);
    b.destroy();
  });
});
