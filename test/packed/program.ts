// A program as users write them, with every package: it learns on the CPU and saves what it learned. Checked with each TypeScript
// against the tarballs, run by each runtime.
import { diff, param, type Param } from "@weft/autograd";
import { cycle, minibatch, takeFirst } from "@weft/data";
import type * as examples from "@weft/examples";
import { readSafetensors } from "@weft/formats";
import type * as kernel from "@weft/kernel";
import { Chain, dropout, Linear, load, mse, normal, params, place, save, seed, summary, toBytes } from "@weft/nn";
import type * as models from "@weft/nn/models";
import { adam, minimize } from "@weft/optim";
import {
  add,
  cos,
  div,
  log,
  mul,
  relu,
  sin,
  sqrt,
  sub,
  sum,
  type DType,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import { open, type CpuBackend } from "@weft/tensor-cpu";
import type * as cpuKernels from "@weft/tensor-cpu/kernels";
import { open as openGpu, type OpenOptions } from "@weft/tensor-webgpu";
import type * as gpuKernels from "@weft/tensor-webgpu/kernels";
import { checkpoints, epochs, evaluateEvery, fit, metrics } from "@weft/train";

declare const console: { log(line: string): void };

const backend: CpuBackend = await open({ seed: 1 });

/** A number for the bits of some floats. */
async function digest(x: Tensor): Promise<number> {
  const { buffer } = await x.data();
  return new Uint8Array(buffer).reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193), 0x811c9dc5);
}

// What a seed gives.
seed(1);
const drawn = Linear(64, 64, { init: normal() });
await place(drawn, backend);
const bits = {
  uniform: await digest(backend.rand([1001])),
  normal: await digest(backend.randn([1001])),
  integers: await digest(backend.randint([1001], { high: 1000 })),
  initial: await digest(drawn.weight.value),
  dropout: await digest(dropout(backend.ones([1001]), 0.5, { seed: 1, training: true })),
  shuffled: [
    ...minibatch(
      Int32Array.from({ length: 99 }, (_, i) => i),
      33,
      { shuffle: true, seed: 1 },
    ),
  ][1]!.data[0],
};
// What the READMEs say that no engine rounds otherwise.
const steps = backend.arange(1, 1002).mul(0.0137);
const exact: Record<string, (x: Operand, y: Operand) => Tensor> = { add, sub, mul, div, sqrt, log, sin, cos };
const rounded: Record<string, number> = {};
for (const [name, f] of Object.entries(exact)) rounded[name] = await digest(f(steps, steps.add(0.3)));

// Learning and saving.
const build = () => Chain(Linear(4, 16), relu, Linear(16, 1));
const model = build();
const inputs = backend.randn([64, 4], { seed: 2 });
const targets = inputs.sum({ axis: 1, keepDims: true });
const batches = takeFirst(cycle(minibatch({ inputs, targets }, 16, { backend })), 400);
const losses: number[] = [];
for await (const loss of minimize((x, y) => mse(model(x), y), batches, adam({ lr: 0.01 })))
  losses.push(await loss.item());
await save("model.safetensors", model);
const again = await load("model.safetensors", build());
losses.push(readSafetensors(await toBytes(model)).tensors.size);
await place(again, backend);
const [one, other] = [model, again].map((m) => m(inputs).dataSync());

// Training in one call, and loops around loops.
const data = minibatch([inputs, targets], 24, { backend, partial: true });
const how = { loss: mse, optimizer: adam(), epochs: 2, validation: data, metrics: { r2: metrics.r2() } };
const { valLoss, valR2 }: { valLoss: number[]; valR2: number[] } = await fit(build(), data, how);
const evaluated = evaluateEvery(epochs(build(), data, how), 2, (step, { r2 }): [number, number] => [step, r2]);
for await (const epoch of checkpoints(evaluated, { model, folder: "run", monitor: ({ loss }) => loss }))
  losses.push(epoch.loss, epoch.valR2 ?? 0, evaluated.current?.[0] ?? 0);

// Types that programs lean on.
const weight: Param = model[0].weight;
const rows: number[][] = await inputs.array();
const first: number | undefined = (await inputs.array())[0]?.[0];
const dtype: DType = weight.dtype;
for (const [tokens, tags] of minibatch({ tokens: inputs, tags: targets }, 64)) losses.push(tokens.size + tags.size);
const w = param(backend.tensor([1, 2, 3]));
{
  using tape = diff(() => sum(mul(w, w)));
  using gradient = tape.grad(w);
  losses.push(gradient.size);
}
export const later = (options: OpenOptions) => openGpu(options);
export type Named = [
  keyof typeof examples,
  keyof typeof kernel,
  keyof typeof cpuKernels,
  keyof typeof gpuKernels,
  keyof typeof models,
];

console.log(
  JSON.stringify({
    learned: losses[399]! < losses[0]! / 20,
    same: one!.every((value, i) => value === other![i]),
    typed:
      valLoss.length === valR2.length &&
      rows[0]![0] === first &&
      dtype === "f32" &&
      summary(model).length > 0 &&
      params(model).length === 4,
    bits: { ...bits, ...rounded },
  }),
);
