// Whole training steps: their few dispatches and submits, that they settle, and that chains of rows compute what the
// CPU does for batches that do not fill a block.
import { diff } from "@weft/autograd";
import { BatchNorm, Chain, Conv, crossEntropy, Embedding, GRU, LayerNorm, Linear, LSTM, MaxPool, seed } from "@weft/nn";
import { adam, sgd, type Optimizer } from "@weft/optim";
import * as T from "@weft/tensor";
import { flatten, relu, scope, softmax, type Creation, type Tensor } from "@weft/tensor";
import { openSync } from "@weft/tensor-cpu";
import { expect, vi } from "vitest";
import { everything } from "../../../test/extent.ts";
import { open } from "../src/index.node.ts";
import { describeOnDevice, gpuOfTests, onDevice } from "./device.ts";
import { openSmall } from "./small.ts";

type Model = (x: Tensor) => Tensor;
type Rule = () => Optimizer;

function step(loss: () => Tensor, optimizer: Optimizer): Tensor {
  return scope(() => {
    const tape = diff(loss);
    optimizer.update(tape);
    return tape.value;
  });
}

/** The losses of some steps. */
async function train(loss: () => Tensor, optimizer: Optimizer, steps: number): Promise<number[]> {
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    const value = step(loss, optimizer);
    losses.push(await value.item());
    value.release();
  }
  return losses;
}

function classifier(backend: Creation & T.Backend, shape: readonly number[], build: () => Model): () => Tensor {
  seed(1);
  const model = build();
  const x = backend.randn(shape, { seed: 3 });
  const y = backend.randint([shape[0]!], { high: 10, seed: 4 });
  return () => crossEntropy(model(x), y);
}

const mlp: () => Model = () => Chain(Linear(20, 16), relu, Linear(16, 10)) as Model;
const lenet: () => Model = () =>
  Chain(
    Conv({ in: 1, out: 4, kernel: 5 }),
    relu,
    MaxPool(2),
    Conv({ in: 4, out: 6, kernel: 3 }),
    relu,
    MaxPool(2),
    flatten,
    Linear(24, 16),
    relu,
    Linear(16, 10),
  ) as Model;

const normalizedConv: () => Model = () =>
  Chain(Conv({ in: 1, out: 4, kernel: 3, bias: false }), BatchNorm(4), relu, flatten, Linear(144, 10)) as Model;

/** Each row with mean 0 and variance 1. */
const normalized: Model = (x) => {
  const centred = T.sub(x, T.mean(x, { axis: 1, keepDims: true }));
  return T.div(centred, T.sqrt(T.add(T.mean(T.square(centred), { axis: 1, keepDims: true }), 1e-5)));
};

const characters =
  (layer: typeof LSTM | typeof GRU) =>
  (backend: Creation & T.Backend): (() => Tensor) => {
    seed(1);
    const [vocabulary, units, steps, rows] = [12, 8, 100, 3];
    const embed = Embedding(vocabulary, units);
    const rnn = layer({ in: units, hidden: units });
    const output = Linear(units, vocabulary);
    const x = backend.randint([steps, rows], { high: vocabulary, seed: 5 });
    const y = backend.randint([steps * rows], { high: vocabulary, seed: 6 });
    return () => crossEntropy(output(rnn(embed(x)).reshape([steps * rows, units])), y);
  };

describeOnDevice("a training step", () => {
  const rows: readonly [string, number, Rule, (b: Creation & T.Backend) => () => Tensor][] = [
    ["softmax regression, SGD", 6, () => sgd(), (b) => classifier(b, [100, 30], () => Linear(30, 10) as Model)],
    ["perceptron, SGD", 8, () => sgd(), (b) => classifier(b, [100, 20], mlp)],
    ["perceptron, Adam", 8, () => adam(), (b) => classifier(b, [100, 20], mlp)],
    ["LeNet, SGD", 25, () => sgd(), (b) => classifier(b, [4, 1, 16, 16], lenet)],
    ["a convolution normalized by batch, SGD", 8, () => sgd(), (b) => classifier(b, [4, 1, 8, 8], normalizedConv)],
    ["characters by an LSTM, Adam", 300, () => adam(), characters(LSTM)],
    ["characters by a GRU, Adam", 300, () => adam(), characters(GRU)],
  ];
  const always = ["perceptron, SGD", "perceptron, Adam", "LeNet, SGD"];
  onDevice.each(rows.filter(([name]) => everything || always.includes(name)))(
    "%s takes at most %d dispatches and one submit, and settles",
    async (_, most, rule, make) => {
      const backend = await open({});
      const loss = make(backend);
      const optimizer = rule();
      await train(loss, optimizer, 10);
      // Programs of launches side by side are compiled in the background, and used from the next step on.
      await vi.waitFor(() => expect(backend.stats().compiling).toBe(0), 60_000);
      await train(loss, optimizer, 1);
      const settled = backend.stats();
      for (let i = 0; i < 3; i++) step(loss, optimizer).release();
      const now = backend.stats();
      expect((now.dispatches - settled.dispatches) / 3).toBeLessThanOrEqual(most);
      expect(now.submits - settled.submits).toBeLessThanOrEqual(3);
      for (const made of ["bindGroups", "slabs", "pipelines", "plans", "live", "bytes", "reserved"] as const)
        expect(now[made], made).toBe(settled[made]);
    },
  );
});

describeOnDevice("rows that stay together", () => {
  onDevice("parts of a concatenation still lie side by side, and what fills it runs before", async () => {
    const backend = await open({});
    const parts = [3, 5, 2, 7].map((n) => backend.randn([2, n], { seed: n }));
    const joined = (): Tensor =>
      scope(() =>
        T.concat(
          parts.map((x) => T.sigmoid(x)),
          { axis: 1 },
        ),
      );
    const padded = (): Tensor =>
      scope(() =>
        T.pad(T.tanh(parts[1]!), {
          pads: [
            [1, 1],
            [0, 2],
          ],
          value: 7,
        }),
      );
    for (let i = 0; i < 6; i++) {
      await joined().data();
      await padded().data();
    }
    await vi.waitFor(() => expect(backend.stats().compiling).toBe(0), 60_000);
    await joined().data();
    const { dispatches } = backend.stats();
    const y = await joined().array();
    expect(backend.stats().dispatches - dispatches).toBe(1);
    const inputs = await Promise.all(parts.map((x) => x.array() as Promise<number[][]>));
    const wanted = [0, 1].map((row) => inputs.flatMap((x) => x[row]!.map((v) => 1 / (1 + Math.exp(-v)))));
    expect(y).toEqual(wanted.map((row) => row.map((v) => expect.closeTo(v, 5))));
    const [, first] = (await padded().array()) as number[][];
    expect(first!.slice(5)).toEqual([7, 7]);
    expect(first![0]).toBeCloseTo(Math.tanh(inputs[1]![0]![0]!), 5);
  });

  const models: Record<string, () => Model> = {
    perceptron: mlp,
    "with normalized rows": () =>
      Chain(Linear(20, 12), normalized, relu, Linear(12, 12), softmax, Linear(12, 10)) as Model,
    "with layers normalized": () =>
      Chain(Linear(20, 12), LayerNorm(12), relu, Linear(12, 12), LayerNorm(12), Linear(12, 10)) as Model,
    deep: () => Chain(...Array.from({ length: 6 }, () => [Linear(20, 20), T.tanh]).flat(), Linear(20, 10)) as Model,
  };
  const tried = everything ? Object.keys(models) : ["with normalized rows"];
  onDevice.each(tried)("%s: as on the CPU, whatever the batch", async (name) => {
    const gpu = await open({});
    for (const batch of everything ? [1, 3, 8, 9] : [1, 9]) {
      const cpu = openSync({});
      const losses = async (backend: Creation & T.Backend): Promise<number[]> =>
        train(classifier(backend, [batch, 20], models[name]!), sgd({ lr: 0.05 }), 6);
      const [got, wanted] = [await losses(gpu), await losses(cpu)];
      got.forEach((v, i) => expect(Math.abs(v - wanted[i]!), `${batch} rows, step ${i}`).toBeLessThan(1e-4));
      expect(wanted[5]).not.toBeCloseTo(wanted[0]!, 3);
    }
  });

  onDevice("on a device with the minimum limits of WebGPU", async () => {
    // 256 invocations and 16 KiB, all of which a product takes, although what follows it needs some, too.
    const adapter = await (await gpuOfTests()).requestAdapter();
    const device = await adapter!.requestDevice();
    expect(device.limits.maxComputeWorkgroupStorageSize).toBe(16_384);
    const memory = { first: 1 << 22, most: 1 << 22, limit: 1 << 24 };
    const gpu = await openSmall({ threads: 256, shared: 16_384 }, memory, { device });
    const losses = (backend: Creation & T.Backend) =>
      train(
        classifier(backend, [8, 20], () => Linear(20, 10) as Model),
        sgd({ lr: 0.05 }),
        2,
      );
    const [got, wanted] = [await losses(gpu), await losses(openSync({}))];
    got.forEach((v, i) => expect(v).toBeCloseTo(wanted[i]!, 4));
  });
});
