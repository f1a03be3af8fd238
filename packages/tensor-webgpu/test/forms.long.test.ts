// Tuned forms against plain loops: small odd shapes, every order of both operands in memory, batches, splits, operands
// at any offset.
import type { CallLaunch, CallOperand } from "@weft/kernel";
import type { Attrs } from "@weft/tensor";
import { sizeOf } from "@weft/tensor/internals";
import { expect } from "vitest";
import { convolution, sizesOf } from "../src/forms/convolution.ts";
import { software } from "../src/forms/device-traits.ts";
import { geometryOf, type Convolution } from "../src/forms/geometry.ts";
import { product, type ProductForm } from "../src/forms/product.ts";
import type { Slicing } from "../src/forms/slice.ts";
import type { Tiling } from "../src/forms/tile.ts";
import { describeOnDevice, onDevice } from "./device.ts";
import { callOf, laidOut } from "./launches.ts";
import { runStages, type Setting } from "./stages.ts";

const machine = { ...software, shared: 32768, subgroups: 0, vectors: true };

const wave = (n: number, by: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: n }, (_, i) => Math.sin(i * by + by));

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

function launchOf({ M, N, K, transA, transB, batch = [], batchB = batch }: Case): CallLaunch<Attrs<"matmul">> {
  const operands = laidOut([
    [...batch, ...(transA ? [K, M] : [M, K])],
    [...batchB, ...(transB ? [N, K] : [K, N])],
    [...batch, M, N],
  ]);
  return callOf("matmul", { transA, transB }, operands);
}

const at = (memory: Float32Array, o: CallOperand, index: number): number => memory[o.bytes / 4 + index]!;

function expected(c: Case, { inputs, outs: [out] }: CallLaunch, memory: Float32Array): Float64Array {
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
  const [out] = launch.outs;
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
  transpose: "components",
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
    onDevice(`${nameOf(order)}: any sizes, prefetched or not, transposed either way`, async () => {
      for (const size of sizes) await check({ ...size, ...order }, { kind: "tiled", tiling: tiling({}), splits: 1 });
      const odd = { M: 37, N: 44, K: 28, ...order };
      await check(odd, { kind: "tiled", tiling: tiling({ prefetch: false, transpose: "registers" }), splits: 1 });
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
  onDevice("unrolled", async () => {
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
  onDevice("unrolled", async () => {
    const form = { kind: "sliced", slicing: slicing(8, 16, "column", 4) } as const;
    for (const K of [64, 70]) await check({ M: 9, N: 12, K, transA: true, transB: false }, form);
  });
});

interface Spatial {
  readonly images: number;
  readonly groups: number;
  readonly channels: number;
  readonly outputs: number;
  readonly x: readonly number[];
  readonly k: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly (readonly [number, number])[];
  readonly dilation: readonly number[];
}

/** The places of a box, one after the other. */
const places = (sizes: readonly number[]): number[][] =>
  sizes.reduce<number[][]>((list, n) => list.flatMap((p) => Array.from({ length: n }, (_, i) => [...p, i])), [[]]);
const linear = (sizes: readonly number[], place: readonly number[]): number =>
  sizes.reduce((sum, n, i) => sum * n + place[i]!, 0);

async function checkConvolution(op: Convolution, s: Spatial, splits: number, t: Partial<Tiling> = {}): Promise<void> {
  const { images, groups, channels, outputs, x, k, stride, padding, dilation } = s;
  const y = x.map(
    (n, a) => Math.floor((n + padding[a]![0] + padding[a]![1] - (k[a]! - 1) * dilation[a]! - 1) / stride[a]!) + 1,
  );
  const shapes = {
    x: [images, groups * channels, ...x],
    w: [groups * outputs, channels, ...k],
    y: [images, groups * outputs, ...y],
  };
  const order = { conv: "xwy", convInputGrad: "ywx", convWeightGrad: "xyw" }[op];
  const operands = laidOut(Array.from(order, (name) => shapes[name as "x"]));
  const [a, b, out] = operands as [CallOperand, CallOperand, CallOperand];
  const launch = callOf(op, { stride, padding, dilation, groups }, operands);
  const memory = wave(out.bytes / 4 + sizeOf(out.shape) + 5, 0.37);
  const wanted = new Float64Array(sizeOf(out.shape));
  for (let n = 0; n < images; n++)
    for (let g = 0; g < groups; g++)
      for (let c = 0; c < channels; c++)
        for (let o = 0; o < outputs; o++)
          for (const q of places(k))
            for (const p of places(y)) {
              const i = p.map((v, d) => v * stride[d]! - padding[d]![0] + q[d]! * dilation[d]!);
              if (i.some((v, d) => v < 0 || v >= x[d]!)) continue;
              const index = {
                x: linear(shapes.x, [n, g * channels + c, ...i]),
                w: linear(shapes.w, [g * outputs + o, c, ...q]),
                y: linear(shapes.y, [n, g * outputs + o, ...p]),
              };
              const [one, other, to] = Array.from(order, (name) => index[name as "x"]) as [number, number, number];
              wanted[to]! += at(memory, a, one) * at(memory, b, other);
            }
  const form = { tiling: tiling(t), splits };
  const got = await runStages(convolution(op, launch, form, machine), memory, { threads: 64, vectors: true });
  const name = JSON.stringify({ op, ...s, ...form });
  const { K } = sizesOf(op, geometryOf(op, launch));
  for (let i = 0; i < wanted.length; i++) {
    const value = at(got, out, i);
    if (!(Math.abs(value - wanted[i]!) < 1e-5 * (1 + K)))
      expect.fail(`${name}: element ${i} is ${value} instead of ${wanted[i]}`);
  }
  const beside = got.findIndex((v, i) => (i < out.bytes / 4 || i >= out.bytes / 4 + wanted.length) && v !== memory[i]);
  if (beside >= 0) expect.fail(`${name}: element ${beside - out.bytes / 4} beside the result was overwritten`);
}

const still = {
  groups: 1,
  stride: [1, 1],
  padding: [
    [0, 0],
    [0, 0],
  ] as const,
  dilation: [1, 1],
};
const spatial: Record<string, Spatial> = {
  "a plain window": { ...still, images: 3, channels: 2, outputs: 5, x: [8, 8], k: [5, 5] },
  "padding, odd sizes": {
    ...still,
    images: 2,
    channels: 3,
    outputs: 6,
    x: [7, 5],
    k: [3, 3],
    padding: [
      [1, 1],
      [1, 1],
    ],
  },
  "padding, whole vectors": {
    ...still,
    images: 2,
    channels: 4,
    outputs: 4,
    x: [8, 8],
    k: [3, 3],
    padding: [
      [1, 1],
      [1, 1],
    ],
  },
  "steps, spacing, groups": {
    images: 2,
    groups: 2,
    channels: 3,
    outputs: 4,
    x: [11, 9],
    k: [3, 2],
    stride: [2, 3],
    padding: [
      [2, 1],
      [0, 3],
    ],
    dilation: [2, 1],
  },
  "one axis": {
    images: 3,
    groups: 1,
    channels: 2,
    outputs: 3,
    x: [13],
    k: [4],
    stride: [2],
    padding: [[1, 2]],
    dilation: [2],
  },
  "three axes": {
    images: 2,
    groups: 1,
    channels: 2,
    outputs: 3,
    x: [4, 5, 6],
    k: [2, 3, 2],
    stride: [1, 2, 1],
    padding: [
      [1, 0],
      [1, 1],
      [0, 1],
    ],
    dilation: [1, 1, 2],
  },
};

describeOnDevice("convolutions as products", () => {
  for (const op of ["conv", "convInputGrad", "convWeightGrad"] as const) {
    for (const [name, s] of Object.entries(spatial)) {
      onDevice(`${op}: ${name}`, async () => {
        await checkConvolution(op, s, 1);
        await checkConvolution(op, s, 3, { prefetch: false, transpose: "registers" });
      });
    }
  }
});
