// Two operations that differ in anything but numbers never share a plan: each runs on a warm cache and gives what it gives alone.
import { open as reference } from "@weft/conformance";
import * as T from "@weft/tensor";
import { ShapeError, type Backend, type Creation, type Tensor } from "@weft/tensor";
import { open as openCpu } from "@weft/tensor-cpu";
import { openWebGpu } from "../webgpu.ts";
import { describe, expect, test } from "vitest";

type B = Backend & Creation;

const counted = (b: B, ...shape: number[]): Tensor => {
  const n = shape.reduce((p, d) => p * d, 1);
  return b.tensor(
    Array.from({ length: n }, (_, i) => ((i * 7) % 11) + i / 8),
    { shape },
  );
};
const none = [[0, 0]] as const;
const conv = (attrs: object) => (b: B) => T.apply("conv", [counted(b, 1, 1, 9), counted(b, 1, 1, 2)], attrs as never);
const pool = (attrs: object) => (b: B) =>
  T.apply("maxPool", [counted(b, 1, 1, 9)], { dilation: [1], ...attrs } as never);
const x = (b: B): Tensor => T.add(counted(b, 3, 3), 0);

/** Programs that look alike. */
const families: Record<string, ((b: B) => Tensor)[]> = {
  "names in another order": [
    conv({ stride: [2], padding: none, dilation: [1], groups: 1 }),
    conv({ dilation: [2], padding: none, stride: [1], groups: 1 }),
    conv({ groups: 1, dilation: [1], stride: [2], padding: none }),
    conv({ stride: [1], padding: none, dilation: [2], groups: 1 }),
  ],
  windows: [
    pool({ window: [3], stride: [2], padding: none }),
    pool({ stride: [3], window: [2], padding: none }),
    pool({ window: [2], stride: [3], padding: [[1, 0]] }),
    pool({ window: [2], stride: [3], padding: [[0, 1]] }),
  ],
  "typed arrays as axes": [
    (b) => T.sum(x(b), { axis: Int32Array.of(0) as never }),
    (b) => T.sum(x(b), { axis: Int32Array.of(1) as never }),
    (b) => T.sum(x(b), { axis: Float64Array.of(-1) as never }),
    (b) => T.sum(x(b), { axis: Uint8Array.of(0, 1) as never }),
    (b) => T.sum(x(b), { axis: [] }),
    (b) => T.sum(x(b), {}),
    (b) => T.apply("sum", [x(b)], { axes: Int32Array.of(0) as never, keepDims: false }),
    (b) => T.apply("sum", [x(b)], { keepDims: false, axes: Int32Array.of(1) as never }),
  ],
  "typed arrays as shapes and orders": [
    (b) => T.reshape(x(b), Int32Array.of(1, 9) as never),
    (b) => T.reshape(x(b), Uint8Array.of(9, 1) as never),
    (b) => T.permute(x(b), Int8Array.of(1, 0) as never),
    (b) => T.permute(x(b), Int8Array.of(0, 1) as never),
    (b) => T.roll(x(b), { shift: Int32Array.of(1) as never }),
    (b) => T.roll(x(b), { shift: Int32Array.of(2) as never }),
  ],
  "flags and kinds": [
    (b) => T.cumsum(x(b), { axis: 0, reverse: false }),
    (b) => T.cumsum(x(b), { axis: 0, reverse: true }),
    (b) => T.cumsum(x(b), { axis: 1, reverse: false }),
    (b) => T.argsort(x(b), { axis: 0, descending: true }),
    (b) => T.argsort(x(b), { axis: 1, descending: true }),
    (b) => T.cast(T.cast(x(b), "i32"), "f32"),
    (b) => T.cast(T.cast(x(b), "bool"), "f32"),
    (b) => T.cast(T.cast(x(b), "u8"), "f32"),
    (b) => T.add(T.cast(T.mul(x(b), -300), "u8"), 0.5),
    (b) => T.add(T.cast(T.matmul(x(b), x(b)), "u8"), 0.5),
  ],
  halves: [(b) => T.cast(T.cast(T.div(x(b), 3), "f16"), "f32"), (b) => T.add(b.full([3], 0.1, { dtype: "f16" }), 1)],
  bfloats: [(b) => T.cast(T.cast(T.div(x(b), 3), "bf16"), "f32"), (b) => T.add(b.full([3], 0.1, { dtype: "bf16" }), 1)],
  fills: [0, -0, 1, NaN, Infinity, 2 ** 31, -(2 ** 31), 0.5].map(
    (value) => (b: B) => T.div(1, T.pad(x(b), { pads: [[1, 0], [0, 1]], value })), // prettier-ignore
  ),
  "how many are joined": [
    (b) => T.concat([x(b)]),
    (b) => T.concat([x(b), x(b)]),
    (b) => T.concat([x(b), x(b)], { axis: 1 }),
    (b) => ((y) => T.concat([y, y]))(x(b)),
    (b) => ((y) => T.concat([y, y, y]))(x(b)),
  ],
  labels: [undefined, 0, 1, -7, -1].map(
    (ignoreIndex) => (b: B) =>
      T.crossEntropyRows(x(b), b.tensor([0, 1, 2], { dtype: "i32" }), {
        ...(ignoreIndex !== undefined && { ignoreIndex }),
      }),
  ),
};

describe.each([
  ["the CPU", () => openCpu({}), true],
  ["the CPU, unmerged", () => openCpu({ fuse: false }), true],
  ["WebGPU", () => openWebGpu({}), process.env["WEFT_NO_DRIVER"] === undefined],
] as const)("%s", (name, open, here) => {
  test.skipIf(!here)("each gives its own result on a warm cache", async () => {
    const [b, right] = [await open(), await reference({ rounding: true })];
    for (const [family, programs] of Object.entries(families)) {
      if (name === "WebGPU" && family === "how many are joined") continue; // few programs: they compile slowly
      for (const order of [programs, programs.toReversed()])
        for (const [k, program] of order.entries()) {
          const [got, wanted] = [program(b), program(right)];
          expect({ family, k, shape: got.shape }).toEqual({ family, k, shape: wanted.shape });
          const [p, q] = [await got.data(), await wanted.data()];
          for (let i = 0; i < q.length; i++)
            if (!(Object.is(p[i]! + 0, q[i]! + 0) || Math.abs(p[i]! - q[i]!) < 1e-4))
              expect.fail(`${family} ${k}, element ${i}: ${p[i]}, wanted ${q[i]}`);
        }
    }
  });
});

test("sizes beyond 2^32 are not those modulo 2^32", async () => {
  const b = await openCpu({ memoryLimit: 2 ** 26 });
  expect(await b.zeros([3]).array()).toEqual([0, 0, 0]);
  for (const n of [2 ** 32, 2 ** 32 + 3, 2 ** 31 + 3, 2 ** 40])
    await expect((async () => b.zeros([n]).data())(), String(n)).rejects.toThrow(T.MemoryError);
  expect(await b.ones([3]).sum().item()).toBe(3);
  const one = b.ones([1]);
  await one.data(); // a value in memory has views that cost nothing
  for (const n of [2 ** 32 + 3, 2 ** 35]) {
    const wide = T.broadcastTo(one, [n]);
    expect(await T.slice(wide, { ends: [3] }).array()).toEqual([1, 1, 1]);
    await expect((async () => T.mul(wide, 2).data())()).rejects.toThrow(T.WeftError);
    await expect((async () => T.argmax(T.add(wide, one)).data())()).rejects.toThrow(T.WeftError);
    await expect((async () => T.argmax(wide).data())()).rejects.toThrow(T.WeftError);
  }
});

test("more elements than a loop counts", async () => {
  const b = await openCpu({ memoryLimit: 2 ** 26 });
  const x = b.tensor([2]);
  const wide = T.broadcastTo(x, [2 ** 31]);
  expect(await T.sum(wide).item()).toBe(2 ** 32);
  for (const call of [() => T.argmax(wide), () => T.conv(T.reshape(wide, [1, 1, 2 ** 31]), b.ones([1, 1, 1]))])
    await expect((async () => call().data())()).rejects.toThrow(T.WeftError);
  const more = T.broadcastTo(x, [2 ** 32 + 3]);
  await expect((async () => T.sum(more).data())()).rejects.toThrow(T.WeftError);
});

test("axes and elements have bounds, checked at the call with one message", async () => {
  const b = await openCpu({});
  const many = Array.from({ length: 100_000 }, () => 1);
  const y = b.ones([1]);
  const deep = (n: number): unknown => Array.from({ length: n }).reduce<unknown>((inner) => [inner], 1);
  const calls: (() => unknown)[] = [
    () => b.zeros(many),
    () => b.tensor([1], { shape: many }),
    () => b.rand(many),
    () => T.reshape(y, many),
    () => T.broadcastTo(y, many),
    () => T.tile(y, { repeats: many }),
    () => T.unsqueeze(y, many.map((_, i) => i)), // prettier-ignore
    () => T.take(b.ones(many.slice(0, 60)), b.tensor([0], { dtype: "i32", shape: many.slice(0, 10) })),
  ];
  for (const call of calls) expect(call).toThrow(/: a tensor has at most 64 axes, got \d+$/);
  for (const n of [65, 1000, 5000]) expect(() => b.tensor(deep(n) as number[])).toThrow(ShapeError);
  expect(b.tensor(deep(64) as number[]).rank).toBe(64);
  expect(await b.ones(many.slice(0, 64)).mul(2).sum().item()).toBe(2);
  expect(() => T.permute(y, many)).toThrow(T.WeftError);
  expect(() => T.permute(y, many)).toThrow(/^.{0,300}$/);
  for (const shape of [[2 ** 27, 2 ** 27], [2 ** 53], [2 ** 40, 0, 2 ** 40]])
    expect(() => b.zeros(shape)).toThrow(/^zeros: a tensor has at most 2\^53 - 1 elements|^full: a tensor has at most/);
  expect(() => T.add(T.broadcastTo(y, [2 ** 30, 1]), T.broadcastTo(y, [1, 2 ** 30]))).toThrow(ShapeError);
  for (const bad of [-1, 1.5, NaN, "3", null, 1n, {}, [2]] as number[])
    for (const call of [() => b.zeros([bad]), () => T.reshape(y, [bad, 1]), () => T.broadcastTo(y, [bad])])
      if (bad !== -1 || !String(call).includes("reshape")) expect(call, String(bad)).toThrow(T.WeftError);
});
