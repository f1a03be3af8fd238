// A product that several threads compute: B is packed once, and no piece reserves room for a packed B of its own.
import { expect, test } from "vitest";
import type { CallMemory } from "../src/calls/call.ts";
import { matmul } from "../src/calls/matmul.ts";
import { dense, machine, runCall } from "./guarded.ts";

/** The machine, for calls that several threads run. */
const threads = (n: number): CallMemory => ({ ...machine(true, 2), threads: n });

test("a product of 2048 needs a megabyte for each range on one thread, and none beside the packed B on four", () => {
  const operand = { shape: [2048, 2048], strides: dense([2048, 2048]), dtype: "f32" } as const;
  const prepare = (n: number) =>
    matmul.prepare(threads(n), { transA: false, transB: false }, [operand], [operand, operand]);
  expect(prepare(1).scratch).toBeGreaterThan(2 ** 20);
  expect(prepare(1).first).toBeUndefined();
  expect(prepare(4).scratch).toBeLessThan(2 ** 10);
  expect(prepare(4).first!.bytes).toBe(4 * 2048 ** 2);
});

test.each([
  [50, 300, 200],
  [97, 1100, 330],
  [100, 130, 700],
] as const)("it writes nothing outside what it needs: %i × %i × %i", (M, N, K) => {
  for (const transA of [false, true]) {
    const fill = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => ((i * 7919) % 13) - 6);
    const a = { shape: transA ? [K, M] : [M, K], dtype: "f32" as const, data: fill(M * K) };
    const b = { shape: [K, N], dtype: "f32" as const, data: fill(K * N) };
    const out = { shape: [M, N], dtype: "f32" as const };
    const once = {
      ...matmul,
      prepare: (...[m, ...rest]: Parameters<typeof matmul.prepare>) => matmul.prepare({ ...m, threads: 4 }, ...rest),
    };
    const found = runCall(once, { transA, transB: false }, out, [a, b]).data;
    expect(found).toEqual(runCall(matmul, { transA, transB: false }, out, [a, b]).data);
  }
});
