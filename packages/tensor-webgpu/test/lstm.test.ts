// The steps of an LSTM on WebGPU: every form against plain loops, and whole layers against the CPU backend.
import { diff, param } from "@weft/autograd";
import type { CallLaunch, CallOperand } from "@weft/kernel";
import { LSTM, params, seed } from "@weft/nn";
import { mul, scope, sum, type Creation, type Tensor } from "@weft/tensor";
import { open as openCpu } from "@weft/tensor-cpu";
import { expect, vi } from "vitest";
import { lstmSequence, lstmSequenceGrad } from "../src/calls/lstm.ts";
import { open } from "../src/index.node.ts";
import { describeOnDevice, onDevice } from "./device.ts";
import { runStages } from "./stages.ts";

interface Sizes {
  readonly T: number;
  readonly B: number;
  readonly H: number;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

/** A launch whose operands lie one behind the other, and its memory. */
function launched(
  op: string,
  shapes: readonly (readonly number[])[],
): { launch: CallLaunch; memory: Float32Array<ArrayBuffer> } {
  let bytes = 0;
  const operands = shapes.map((shape, slot): CallOperand => {
    const strides = shape.map((_, i) => sizeOf(shape.slice(i + 1)));
    const operand: CallOperand = { slot, bytes, shape, strides, dtype: "f32" };
    bytes += Math.ceil(sizeOf(shape) / 4) * 16 + 16;
    return operand;
  });
  const launch: CallLaunch = {
    kind: "call",
    op,
    attrs: {},
    inputs: operands.slice(0, -1),
    out: operands.at(-1)!,
    node: 0,
    after: undefined,
  };
  return { launch, memory: Float32Array.from({ length: bytes / 4 }, (_, i) => 0.9 * Math.sin(i * 0.37 + 1)) };
}

/** Elements of operands by their place in row-major order, in float64. */
const reader =
  ({ inputs }: CallLaunch, memory: Float32Array) =>
  (k: number, ...index: number[]): number => {
    const { bytes, strides } = inputs[k]!;
    return memory[bytes / 4 + index.reduce((at, i, l) => at + i * strides[l]!, 0)]!;
  };

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

function forward({ T, B, H }: Sizes) {
  const { launch, memory } = launched("lstmSequence", [[T, B, 4 * H], [B, H], [B, H], [4 * H, H], [6 * T * B * H]]);
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
  return { call: lstmSequence, launch, memory, wanted };
}

function backward({ T, B, H }: Sizes) {
  const all = [T, B, H];
  const shapes = [[4, ...all], all, [B, H], [4 * H, H], all, [B, H], [(4 * T + 1) * B * H]];
  const { launch, memory } = launched("lstmSequenceGrad", shapes);
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
  return { call: lstmSequenceGrad, launch, memory, wanted };
}

const settings = {
  "64 invocations": { threads: 64, vectors: true, shared: 16_384 },
  "256 invocations": { threads: 256, vectors: true, shared: 32_768 },
  "256 invocations with little memory": { threads: 256, vectors: true, shared: 16_384 },
  "slabs of words": { threads: 64, vectors: false, shared: 16_384 },
  "operands that lie anywhere": { threads: 64, vectors: true, shared: 16_384, shift: 4 },
};
/** With 256 invocations, 36 units are two rounds along k, written out: long for the software driver. */
const sizesFor = (threads: number): readonly Sizes[] => [
  { T: 2, B: 17, H: 36 },
  ...(threads < 256
    ? [
        { T: 1, B: 1, H: 1 },
        { T: 3, B: 9, H: 7 },
      ]
    : []),
];

describeOnDevice("the steps of an LSTM as kernels", () => {
  for (const [name, { shared, ...setting }] of Object.entries(settings))
    for (const make of [forward, backward])
      onDevice(`${make.name}: ${name}`, async () => {
        for (const size of sizesFor(setting.threads)) {
          const { call, launch, memory, wanted } = make(size);
          const machine = { threads: setting.threads, shared, subgroups: 0, vectors: true };
          const staged = call.prepare(launch, machine);
          const begin = launch.out.bytes / 4;
          const got = await runStages(staged, memory, setting);
          wanted.forEach((w, i) => {
            const x = got[begin + i]!;
            if (!(Math.abs(x - w) < 2e-5 * Math.max(1, Math.abs(w))))
              expect.fail(`${JSON.stringify(size)}: element ${i} is ${x} instead of ${w}`);
          });
          const beside = got.findIndex((x, i) => (i < begin || i >= begin + wanted.length) && x !== memory[i]);
          if (beside >= 0)
            expect.fail(`${JSON.stringify(size)}: element ${beside - begin} beside the result is changed`);
        }
      });
});

const wave = (n: number, by: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.sin(i * by));
const [T, B, I, H] = [6, 3, 4, 5];

/** Results, and gradients of every weight and of x, of two layers in both directions. */
async function learned({ tensor }: Creation): Promise<number[]> {
  seed(3);
  const rnn = LSTM({ in: I, hidden: H, layers: 2, bidirectional: true });
  const x = scope(() => param(tensor(wave(T * B * I, 0.7), { shape: [T, B, I] })));
  const weight = tensor(wave(T * B * 2 * H, 1.1), { shape: [T, B, 2 * H] });
  const tape = diff(() => {
    const { y, c } = rnn.run(x);
    return sum(mul(y, weight)).add(sum(c));
  });
  const found = [await tape.value.item()];
  for (const p of [x, ...params(rnn)]) found.push(...(await tape.grad(p).data()));
  return found;
}

describeOnDevice("the LSTM", () => {
  onDevice.each([
    ["merged", {}],
    ["unmerged", { fuse: false }],
  ])("%s: values and gradients are those of the CPU", async (_, options) => {
    const [got, wanted] = [await learned(await open(options)), await learned(await openCpu({}))];
    expect(got.length).toBe(wanted.length);
    got.forEach((v, i) => {
      if (!(Math.abs(v - wanted[i]!) < 2e-5 * Math.max(1, Math.abs(wanted[i]!))))
        expect.fail(`number ${i}: ${v} instead of ${wanted[i]}`);
    });
  });

  onDevice("takes one dispatch a step in each direction", async () => {
    const backend = await open({});
    /** Dispatches of a step of training on sequences of this length, once its plan is known. */
    async function dispatches(steps: number): Promise<number> {
      seed(3);
      // No biases: how many dispatches sum their gradients depends on the length.
      const rnn = LSTM({ in: I, hidden: H, bias: false });
      const x = backend.tensor(wave(steps * B * I, 0.7), { shape: [steps, B, I] });
      let before = 0;
      for (let i = 0; i < 5; i++) {
        // Programs of launches side by side are made in the background.
        await vi.waitFor(() => expect(backend.stats().compiling).toBe(0), 20_000);
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
