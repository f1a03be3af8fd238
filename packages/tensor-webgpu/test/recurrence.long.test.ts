// The steps of recurrent layers on WebGPU: every form against plain loops, and whole layers against the CPU backend
// and PyTorch's values.
import { diff, param } from "@weft/autograd";
import type { CallLaunch } from "@weft/kernel";
import { GRU, LSTM, params, RNN, seed, type GRUOptions } from "@weft/nn";
import { mul, scope, sum, type Creation, type FusedOp, type Tensor } from "@weft/tensor";
import {
  gruCell,
  lstmCell,
  reluCell,
  sizeOf,
  tanhCell,
  type Recurrence,
  type SequenceAttrs,
} from "@weft/tensor/internals";
import { open as openCpu } from "@weft/tensor-cpu";
import { expect, vi } from "vitest";
import { sequenceCall } from "../src/calls/recurrence.ts";
import { software } from "../src/forms/device-traits.ts";
import { openWebGpu } from "../../../test/webgpu.ts";
import { everything } from "../../../test/extent.ts";
import { describeOnDevice, onDevice } from "./device.ts";
import { callOf, laidOut } from "./launches.ts";
import { runStages } from "./stages.ts";

interface Sizes {
  readonly T: number;
  readonly B: number;
  readonly H: number;
}

/** A launch whose operands lie one after the other, the results last, and its memory. */
function launched(
  op: FusedOp<SequenceAttrs>,
  shapes: readonly (readonly number[])[],
  results: number,
): { launch: CallLaunch<SequenceAttrs>; memory: Float32Array<ArrayBuffer> } {
  const operands = laidOut(shapes);
  const { bytes, shape } = operands.at(-1)!;
  const length = bytes / 4 + sizeOf(shape) + 7;
  return {
    launch: callOf(op, { reverse: false }, operands, results),
    memory: Float32Array.from({ length }, (_, i) => 0.9 * Math.sin(i * 0.37 + 1)),
  };
}

/** Elements of operands by their place in row-major order, in float64. */
const reader =
  ({ inputs }: CallLaunch<SequenceAttrs>, memory: Float32Array) =>
  (k: number, ...index: number[]): number => {
    const { bytes, strides } = inputs[k]!;
    return memory[bytes / 4 + index.reduce((at, i, l) => at + i * strides[l]!, 0)]!;
  };

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

function lstmForwards({ T, B, H }: Sizes) {
  const { launch, memory } = launched(
    lstmCell.op,
    [
      [T, B, 4 * H],
      [B, H],
      [B, H],
      [4 * H, H],
      [4, T, B, H],
      [T, B, H],
      [T, B, H],
    ],
    3,
  );
  const at = reader(launch, memory);
  const wanted = new Float64Array(6 * T * B * H);
  const put = (plane: number, t: number, b: number, u: number, x: number): number =>
    (wanted[((plane * T + t) * B + b) * H + u] = x);
  const get = (plane: number, t: number, b: number, u: number): number => wanted[((plane * T + t) * B + b) * H + u]!;
  for (let t = 0; t < T; t++)
    for (let b = 0; b < B; b++)
      for (let u = 0; u < H; u++) {
        const [i, f, g, o] = [0, 1, 2, 3].map((k) => {
          let a = at(0, t, b, k * H + u);
          for (let v = 0; v < H; v++) a += (t === 0 ? at(1, b, v) : get(5, t - 1, b, v)) * at(3, k * H + u, v);
          return put(k, t, b, u, k === 2 ? Math.tanh(a) : sigmoid(a));
        }) as [number, number, number, number];
        const c = put(4, t, b, u, f * (t === 0 ? at(2, b, u) : get(4, t - 1, b, u)) + i * g);
        put(5, t, b, u, o * Math.tanh(c));
      }
  return { call: sequenceCall(lstmCell.op.sequence!), launch, memory, wanted };
}

function lstmBackwards({ T, B, H }: Sizes) {
  const all = [T, B, H];
  const shapes = [[4, ...all], all, [B, H], [4 * H, H], all, [B, H], [T, B, 4 * H], [B, H]];
  const { launch, memory } = launched(lstmCell.gradOp, shapes, 2);
  const at = reader(launch, memory);
  const wanted = new Float64Array((4 * T + 1) * B * H);
  for (let b = 0; b < B; b++) {
    const dc = Array.from({ length: H }, (_, u) => at(5, b, u));
    for (let t = T - 1; t >= 0; t--)
      for (let u = 0; u < H; u++) {
        let d = at(4, t, b, u);
        for (let k = 0; t < T - 1 && k < 4 * H; k++) d += wanted[((t + 1) * B + b) * 4 * H + k]! * at(3, k, u);
        const [i, f, g, o] = [0, 1, 2, 3].map((k) => at(0, k, t, b, u)) as [number, number, number, number];
        const s = Math.tanh(at(1, t, b, u));
        const e = dc[u]! + d * o * (1 - s * s);
        const before = t === 0 ? at(2, b, u) : at(1, t - 1, b, u);
        const da = [e * g * i * (1 - i), e * before * f * (1 - f), e * i * (1 - g * g), d * s * o * (1 - o)];
        da.forEach((x, k) => (wanted[(t * B + b) * 4 * H + k * H + u] = x));
        dc[u] = e * f;
      }
    dc.forEach((x, u) => (wanted[(4 * T * B + b) * H + u] = x));
  }
  return { call: sequenceCall(lstmCell.gradOp.sequence!), launch, memory, wanted };
}

function gruForwards({ T, B, H }: Sizes) {
  const { launch, memory } = launched(
    gruCell.op,
    [[T, B, 3 * H], [B, H], [3 * H, H], [3 * H], [4, T, B, H], [T, B, H]],
    2,
  );
  const at = reader(launch, memory);
  const wanted = new Float64Array(5 * T * B * H);
  const place = (plane: number, t: number, b: number, u: number): number => ((plane * T + t) * B + b) * H + u;
  for (let t = 0; t < T; t++)
    for (let b = 0; b < B; b++) {
      const before = Array.from({ length: H }, (_, v) => (t === 0 ? at(1, b, v) : wanted[place(4, t - 1, b, v)]!));
      for (let u = 0; u < H; u++) {
        const parts = [0, 1, 2].map((k) => k * H + u);
        const i = parts.map((row) => at(0, t, b, row));
        const q = parts.map((row) => before.reduce((sum, x, v) => sum + x * at(2, row, v), at(3, row)));
        const [r, z] = [sigmoid(i[0]! + q[0]!), sigmoid(i[1]! + q[1]!)];
        const n = Math.tanh(i[2]! + r * q[2]!);
        [r, z, n, q[2]!, (1 - z) * n + z * before[u]!].forEach((x, k) => (wanted[place(k, t, b, u)] = x));
      }
    }
  return { call: sequenceCall(gruCell.op.sequence!), launch, memory, wanted };
}

function gruBackwards({ T, B, H }: Sizes) {
  const all = [T, B, H];
  const shapes = [[4, ...all], all, [B, H], [3 * H, H], all, [T, B, 3 * H], [T, B, 3 * H], [B, H]];
  const { launch, memory } = launched(gruCell.gradOp, shapes, 3);
  const at = reader(launch, memory);
  const wanted = new Float64Array((6 * T + 1) * B * H);
  const recurrent = 3 * T * B * H;
  for (let b = 0; b < B; b++) {
    const through = new Float64Array(H);
    for (let t = T - 1; t >= 0; t--)
      for (let u = 0; u < H; u++) {
        let d = at(4, t, b, u) + through[u]!;
        for (let k = 0; t < T - 1 && k < 3 * H; k++)
          d += wanted[recurrent + ((t + 1) * B + b) * 3 * H + k]! * at(3, k, u);
        const [r, z, n, q] = [0, 1, 2, 3].map((k) => at(0, k, t, b, u)) as [number, number, number, number];
        const before = t === 0 ? at(2, b, u) : at(1, t - 1, b, u);
        const dn = d * (1 - z) * (1 - n * n);
        const [dr, dz] = [dn * q * r * (1 - r), d * (before - n) * z * (1 - z)];
        const place = (t * B + b) * 3 * H + u;
        [dr, dz, dn].forEach((x, k) => (wanted[place + k * H] = x));
        [dr, dz, dn * r].forEach((x, k) => (wanted[recurrent + place + k * H] = x));
        through[u] = d * z;
      }
    through.forEach((x, u) => (wanted[2 * recurrent + b * H + u] = x));
  }
  return { call: sequenceCall(gruCell.gradOp.sequence!), launch, memory, wanted };
}

/** A plain cell: from the sum to h, and from h to the derivative. */
interface Plain {
  readonly cell: Recurrence;
  readonly f: (a: number) => number;
  readonly slope: (h: number) => number;
}

const plainForwards = ({ cell, f }: Plain) =>
  function rnnForwards({ T, B, H }: Sizes) {
    const { launch, memory } = launched(
      cell.op,
      [
        [T, B, H],
        [B, H],
        [H, H],
        [T, B, H],
      ],
      1,
    );
    const at = reader(launch, memory);
    const wanted = new Float64Array(T * B * H);
    const place = (t: number, b: number, u: number): number => (t * B + b) * H + u;
    for (let t = 0; t < T; t++)
      for (let b = 0; b < B; b++)
        for (let u = 0; u < H; u++) {
          let a = at(0, t, b, u);
          for (let v = 0; v < H; v++) a += (t === 0 ? at(1, b, v) : wanted[place(t - 1, b, v)]!) * at(2, u, v);
          wanted[place(t, b, u)] = f(a);
        }
    return { call: sequenceCall(cell.op.sequence!), launch, memory, wanted };
  };

const plainBackwards = ({ cell, slope }: Plain) =>
  function rnnBackwards({ T, B, H }: Sizes) {
    const shapes = [
      [T, B, H],
      [H, H],
      [T, B, H],
      [T, B, H],
    ];
    const { launch, memory } = launched(cell.gradOp, shapes, 1);
    const at = reader(launch, memory);
    const wanted = new Float64Array(T * B * H);
    for (let t = T - 1; t >= 0; t--)
      for (let b = 0; b < B; b++)
        for (let u = 0; u < H; u++) {
          let d = at(2, t, b, u);
          for (let k = 0; t < T - 1 && k < H; k++) d += wanted[((t + 1) * B + b) * H + k]! * at(1, k, u);
          wanted[(t * B + b) * H + u] = d * slope(at(0, t, b, u));
        }
    return { call: sequenceCall(cell.gradOp.sequence!), launch, memory, wanted };
  };

const relu: Plain = { cell: reluCell, f: (a) => Math.max(a, 0), slope: (h) => (h > 0 ? 1 : 0) };
const tanh: Plain = { cell: tanhCell, f: Math.tanh, slope: (h) => 1 - h * h };
const all = [
  lstmForwards,
  lstmBackwards,
  gruForwards,
  gruBackwards,
  plainForwards(relu),
  plainBackwards(tanh),
] as const;

const settings = {
  "64 invocations": { threads: 64, vectors: true, shared: 16_384 },
  "256 invocations": { threads: 256, vectors: true, shared: 32_768 },
  "256 invocations with little memory": { threads: 256, vectors: true, shared: 16_384 },
  "slabs of words": { threads: 64, vectors: false, shared: 16_384 },
  "operands that lie anywhere": { threads: 64, vectors: true, shared: 16_384, shift: 4 },
};
/** With 256 invocations, 36 units are two unrolled rounds along k: slow on the software driver. */
const sizesFor = (threads: number): readonly Sizes[] => [
  { T: 2, B: 17, H: 36 },
  ...(threads < 256
    ? [
        { T: 1, B: 1, H: 1 },
        { T: 3, B: 9, H: 7 },
      ]
    : []),
];

describeOnDevice("the steps as kernels", () => {
  // One setting is enough to see that a cell has its steps; the whole suite tries all of them.
  for (const [name, { shared, ...setting }] of Object.entries(settings).slice(0, everything ? undefined : 1))
    for (const make of all)
      onDevice(`${make.name}: ${name}`, async () => {
        for (const size of sizesFor(setting.threads)) {
          const { call, launch, memory, wanted } = make(size);
          const machine = { ...software, threads: setting.threads, shared, subgroups: 0, vectors: true };
          const staged = call.prepare(launch, machine);
          /** Places in memory of the elements of all results. */
          const places = launch.outs.flatMap(({ bytes, shape }) =>
            Array.from({ length: sizeOf(shape) }, (_, i) => bytes / 4 + i),
          );
          expect(places.length).toBe(wanted.length);
          const got = await runStages(staged, memory, setting);
          wanted.forEach((w, i) => {
            const x = got[places[i]!]!;
            if (!(Math.abs(x - w) < 2e-5 * Math.max(1, Math.abs(w))))
              expect.fail(`${JSON.stringify(size)}: element ${i} is ${x} instead of ${w}`);
          });
          const written = new Set(places);
          const beside = got.findIndex((x, i) => !written.has(i) && x !== memory[i]);
          if (beside >= 0) expect.fail(`${JSON.stringify(size)}: element ${beside} beside the results is changed`);
        }
      });
});

const wave = (n: number, by: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.sin(i * by));
const [T, B, I, H] = [6, 3, 4, 5];
const layers = { LSTM, GRU, RNN: (options: GRUOptions) => RNN({ ...options, type: "tanh" }) };
const names = ["LSTM", "GRU", "RNN"] as const;

/** Results, and gradients of every weight and of x, of two layers in both directions. */
async function learned({ tensor }: Creation, name: keyof typeof layers, counts?: number[]): Promise<number[]> {
  seed(3);
  const rnn = layers[name]({ in: I, hidden: H, layers: 2, bidirectional: true });
  const x = scope(() => param(tensor(wave(T * B * I, 0.7), { shape: [T, B, I] })));
  const weight = tensor(wave(T * B * 2 * H, 1.1), { shape: [T, B, 2 * H] });
  const tape = diff(() => {
    const { y, ...ends } = rnn.run(x, counts === undefined ? {} : { lengths: tensor(counts, { dtype: "i32" }) });
    return Object.values<Tensor>(ends).reduce((total, end) => total.add(sum(end)), sum(mul(y, weight)));
  });
  const found = [await tape.value.item()];
  for (const p of [x, ...params(rnn)]) found.push(...(await tape.grad(p).data()));
  return found;
}

describeOnDevice.each(names)("a layer: %s", (name) => {
  onDevice.each([
    ["merged", {}, undefined],
    ["unmerged", { fuse: false }, undefined],
    ["of different lengths", {}, [2, 6, 0]],
  ])("%s: values and gradients are those of the CPU", async (_, options, counts) => {
    const [got, wanted] = [
      await learned(await openWebGpu(options), name, counts),
      await learned(await openCpu({}), name, counts),
    ];
    expect(got.length).toBe(wanted.length);
    got.forEach((v, i) => {
      if (!(Math.abs(v - wanted[i]!) < 2e-5 * Math.max(1, Math.abs(wanted[i]!))))
        expect.fail(`number ${i}: ${v} instead of ${wanted[i]}`);
    });
  });

  onDevice("repeats bit for bit", async () => {
    const backend = await openWebGpu({});
    expect(await learned(backend, name)).toEqual(await learned(backend, name));
  });

  onDevice("takes one dispatch per step in each direction", async () => {
    const backend = await openWebGpu({});
    /** Dispatches of a training step on sequences of this length, once its plan is cached. */
    async function dispatches(steps: number): Promise<number> {
      seed(3);
      // No biases: how many dispatches sum their gradients depends on the length.
      const rnn = layers[name]({ in: I, hidden: H, bias: false });
      const x = backend.tensor(wave(steps * B * I, 0.7), { shape: [steps, B, I] });
      let before = 0;
      for (let i = 0; i < 5; i++) {
        // Programs of launches side by side are compiled in the background.
        await vi.waitFor(() => expect(backend.stats().compiling).toBe(0), 60_000);
        before = backend.stats().dispatches;
        const gradients = scope(() => {
          const tape = diff(() => sum(rnn(x)));
          return params(rnn).map((p): Tensor => tape.grad(p));
        });
        for (const g of gradients) await g.data();
        for (const g of gradients) g.release();
      }
      return backend.stats().dispatches - before;
    }
    expect((await dispatches(12)) - (await dispatches(5))).toBe(2 * (12 - 5));
  });
});
