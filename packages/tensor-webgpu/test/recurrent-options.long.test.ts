// Recurrent layers on WebGPU in the layouts and structures that they may have: values and gradients are those of the CPU.
import { diff, param } from "@weft/autograd";
import { GRU, LSTM, LSTMCell, packPaddedSequence, padPackedSequence, params, RNN, seed } from "@weft/nn";
import { add, mul, permute, slice, sum, take, type Creation, type Operand, type Tensor } from "@weft/tensor";
import { open as openCpu } from "@weft/tensor-cpu";
import { expect } from "vitest";
import { openWebGpu } from "../../../test/webgpu.ts";
import { describeOnDevice, onDevice } from "./device.ts";

const wave = (n: number, by: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.sin(i * by));
const [T, B, I, H] = [4, 3, 3, 3];
const sizes = { in: I, hidden: H, bidirectional: true } as const;

/** A layer, and y `[T, B, …]` of one call or several. */
type Run = (backend: Creation) => readonly [layer: object, run: (x: Operand) => Tensor];
const runs: Readonly<Record<string, Run>> = {
  "a mask": ({ tensor }) => {
    const rnn = LSTM(sizes);
    const mask = tensor([1, 0, 1, 1, 1, 0, 0, 1, 0, 1, 1, 0], { shape: [T, B], dtype: "bool" });
    return [rnn, (x) => rnn(x, { mask })];
  },
  "a packed sequence": () => {
    const rnn = GRU(sizes);
    const pack = (x: Operand) => packPaddedSequence(x, [2, 4, 1], { enforceSorted: false });
    return [rnn, (x) => padPackedSequence(rnn(pack(x))).x];
  },
  "the batch first, lengths": ({ tensor }) => {
    const rnn = RNN({ ...sizes, type: "relu", batchFirst: true });
    const lengths = tensor([2, 4, 0], { dtype: "i32" });
    return [rnn, (x) => permute(rnn(permute(x, [1, 0, 2]), { lengths }), [1, 0, 2])];
  },
  "layer normalization, a projection, peepholes": ({ tensor }) => {
    const rnn = LSTM({ in: I, hidden: H, layerNorm: true, projection: 2, peepholes: true });
    const lengths = tensor([2, 1, 0], { dtype: "i32" });
    return [rnn, (x) => rnn(slice(x, { ends: [2] }), { lengths })]; // few steps: each has kernels of its own
  },
  "no input weight, state that is kept": () => {
    const rnn = GRU({ in: I, hidden: H, skipInput: true, stateful: true });
    return [rnn, (x) => add(rnn(x), rnn(x))];
  },
  "a cell": () => {
    const cell = LSTMCell({ in: I, hidden: H });
    return [cell, (x) => cell(take(x, 1), cell(take(x, 0))).h];
  },
};

async function learned(backend: Creation, run: Run): Promise<number[]> {
  seed(3);
  const [layer, f] = run(backend);
  const x = param(backend.tensor(wave(T * B * I, 0.7), { shape: [T, B, I] }));
  const tape = diff(() => {
    const y = f(x);
    return sum(mul(y, backend.tensor(wave(y.size, 1.1), { shape: y.shape })));
  });
  const found = [await tape.value.item()];
  for (const p of [x, ...params(layer)]) found.push(...(await tape.grad(p).data()));
  return found;
}

describeOnDevice.each(Object.entries(runs))("%s", (_, run) => {
  onDevice("values and gradients are those of the CPU", async () => {
    const [got, wanted] = [await learned(await openWebGpu({}), run), await learned(await openCpu({}), run)];
    expect(got.length).toBe(wanted.length);
    got.forEach((v, i) => {
      if (!(Math.abs(v - wanted[i]!) < 5e-5 * Math.max(1, Math.abs(wanted[i]!))))
        expect.fail(`number ${i}: ${v} instead of ${wanted[i]}`);
    });
  });
});
