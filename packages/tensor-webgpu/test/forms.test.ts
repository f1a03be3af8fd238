// Tuned forms against plain loops: small odd shapes, every order of both operands in memory, batches, splits, operands that
// lie anywhere.
import type { CallLaunch, CallOperand } from "@weft/kernel";
import { expect } from "vitest";
import { product, type ProductForm } from "../src/forms/product.ts";
import type { Slicing } from "../src/forms/slice.ts";
import type { Tiling } from "../src/forms/tile.ts";
import { describeOnDevice, onDevice } from "./device.ts";
import { runStages, type Setting } from "./stages.ts";

const machine = { threads: 64, shared: 32768 };

const sizeOf = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);
const rowMajor = (shape: readonly number[]): number[] => shape.map((_, i) => sizeOf(shape.slice(i + 1)));
const wave = (n: number, by: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: n }, (_, i) => Math.sin(i * by + by));

/** Operands one behind the other, each at a multiple of 16 bytes. */
function laidOut(shapes: readonly (readonly number[])[]): CallOperand[] {
  let bytes = 0;
  return shapes.map((shape, slot) => {
    const operand: CallOperand = { slot, bytes, shape, strides: rowMajor(shape), dtype: "f32" };
    bytes += Math.ceil(sizeOf(shape) / 4) * 16 + 16;
    return operand;
  });
}

interface Case {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly transA: boolean;
  readonly transB: boolean;
  readonly batch?: readonly number[];
  /** Batch axes of the right operand, where they differ. */
  readonly batchB?: readonly number[];
}

function launchOf({ M, N, K, transA, transB, batch = [], batchB = batch }: Case): CallLaunch {
  const [a, b, out] = laidOut([
    [...batch, ...(transA ? [K, M] : [M, K])],
    [...batchB, ...(transB ? [N, K] : [K, N])],
    [...batch, M, N],
  ]) as [CallOperand, CallOperand, CallOperand];
  return { kind: "call", op: "matmul", attrs: { transA, transB }, inputs: [a, b], out, node: 0, after: undefined };
}

const at = (memory: Float32Array, o: CallOperand, index: number): number => memory[o.bytes / 4 + index]!;

function expected(c: Case, { inputs, out }: CallLaunch, memory: Float32Array): Float64Array {
  const { M, N, K, transA, transB, batch = [], batchB = batch } = c;
  const [a, b] = inputs as [CallOperand, CallOperand];
  const result = new Float64Array(sizeOf(out.shape));
  for (let i = 0; i < result.length; i++) {
    const [each, m, n] = [Math.floor(i / (M * N)), Math.floor(i / N) % M, i % N];
    const right = sizeOf(batchB) === 1 ? 0 : each;
    for (let k = 0; k < K; k++)
      result[i]! +=
        at(memory, a, each * M * K + (transA ? k * M + m : m * K + k)) *
        at(memory, b, right * N * K + (transB ? n * K + k : k * N + n));
  }
  return result;
}

async function check(c: Case, form: ProductForm, setting: Partial<Setting> = {}): Promise<void> {
  const launch = launchOf(c);
  const { out } = launch;
  const memory = wave(out.bytes / 4 + sizeOf(out.shape) + 5, 0.37);
  const wanted = expected(c, launch, memory);
  const got = await runStages(product(launch, form, machine), memory, { threads: 64, vectors: true, ...setting });
  const name = JSON.stringify({ ...c, ...form, ...setting });
  for (let i = 0; i < wanted.length; i++) {
    const x = at(got, out, i);
    if (!(Math.abs(x - wanted[i]!) < 1e-5 * (1 + c.K)))
      expect.fail(`${name}: element ${i} is ${x} instead of ${wanted[i]}`);
  }
  const other = got.findIndex((x, i) => (i < out.bytes / 4 || i >= out.bytes / 4 + wanted.length) && x !== memory[i]);
  if (other >= 0) expect.fail(`${name}: element ${other - out.bytes / 4} beside the result was overwritten`);
}

const tiling = (t: Partial<Tiling>): Tiling => ({
  bm: 32,
  bn: 32,
  bk: 8,
  tm: 4,
  tn: 4,
  prefetch: true,
  unroll: false,
  turn: "components",
  ...t,
});
const slicing = (rm: number, rn: number, order: Slicing["order"], written = 0): Slicing => ({ rm, rn, order, written });
const orders = [false, true].flatMap((transA) => [false, true].map((transB) => ({ transA, transB })));
const nameOf = ({ transA, transB }: { transA: boolean; transB: boolean }): string =>
  `${transA ? "T" : "N"}${transB ? "T" : "N"}`;
const sizes = [
  { M: 32, N: 64, K: 16 },
  { M: 36, N: 40, K: 20 },
  { M: 5, N: 70, K: 3 },
  { M: 1, N: 1, K: 1 },
];

describeOnDevice("tiled product", () => {
  for (const order of orders) {
    onDevice(`${nameOf(order)}: any sizes, prefetched or not, turned in either way`, async () => {
      for (const size of sizes) await check({ ...size, ...order }, { kind: "tiled", tiling: tiling({}), splits: 1 });
      const odd = { M: 37, N: 44, K: 28, ...order };
      await check(odd, { kind: "tiled", tiling: tiling({ prefetch: false, turn: "registers" }), splits: 1 });
      await check(odd, { kind: "tiled", tiling: tiling({ bm: 64, bn: 64, bk: 4, tm: 8, tn: 8 }), splits: 1 });
    });
    onDevice(`${nameOf(order)}: splits, batches, unaligned operands, slabs of words`, async () => {
      for (const splits of [2, 7])
        await check({ M: 33, N: 36, K: 50, ...order }, { kind: "tiled", tiling: tiling({}), splits });
      await check({ M: 9, N: 7, K: 21, ...order, batch: [2, 3] }, { kind: "tiled", tiling: tiling({}), splits: 2 });
      await check(
        { M: 40, N: 8, K: 12, ...order, batch: [3], batchB: [1] },
        { kind: "tiled", tiling: tiling({}), splits: 1 },
      );
      for (const setting of [{ shift: 4 }, { vectors: false }])
        await check({ M: 36, N: 40, K: 20, ...order }, { kind: "tiled", tiling: tiling({}), splits: 2 }, setting);
    });
  }
  onDevice("written out", async () => {
    const whole = tiling({ bm: 32, bn: 64, bk: 8, tm: 8, tn: 4, unroll: true });
    await check({ M: 33, N: 40, K: 20, transA: false, transB: true }, { kind: "tiled", tiling: whole, splits: 1 });
  });
});

describeOnDevice("sliced product", () => {
  for (const order of orders) {
    onDevice(nameOf(order), async () => {
      for (const size of sizes)
        await check({ ...size, ...order }, { kind: "sliced", slicing: slicing(8, 8, "column") });
      await check({ M: 33, N: 35, K: 19, ...order }, { kind: "sliced", slicing: slicing(16, 16, "k") });
      await check({ M: 6, N: 12, K: 1100, ...order }, { kind: "sliced", slicing: slicing(4, 16, "column") });
      await check({ M: 9, N: 7, K: 21, ...order, batch: [2, 3] }, { kind: "sliced", slicing: slicing(32, 32, "k") });
      for (const setting of [{ shift: 4 }, { vectors: false }])
        await check({ M: 36, N: 40, K: 20, ...order }, { kind: "sliced", slicing: slicing(16, 16, "column") }, setting);
    });
  }
  onDevice("written out", async () => {
    const form = { kind: "sliced", slicing: slicing(8, 16, "column", 4) } as const;
    for (const K of [64, 70]) await check({ M: 9, N: 12, K, transA: true, transB: false }, form);
  });
});
