// WebGPU gives what the CPU gives: metrics, losses and predictions.
import { Chain, crossEntropy, Linear, seed } from "@weft/nn";
import { minibatch } from "@weft/data";
import { adam } from "@weft/optim";
import { relu, type Backend } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { open as openGpu } from "@weft/tensor-webgpu";
import { expect, test } from "vitest";
import { longOn } from "../../../test/extent.ts";
import { evaluate, fit, metrics, predict } from "../src/index.node.ts";

async function results(backend: Backend) {
  const numbers = (n: number, scale: number) =>
    Float32Array.from({ length: n }, (_, k) => ((k * 37) % 101) / scale - 1);
  const x = backend.upload(numbers(60, 50), [20, 3], "f32");
  const labels = backend.upload(
    Int32Array.from({ length: 20 }, (_, k) => (k * 7) % 3),
    [20],
    "i32",
  );
  const real = backend.upload(numbers(20, 60), [20, 1], "f32");
  seed(1);
  const model = Chain(Linear(3, 5), relu, Linear(5, 3));
  const batches = minibatch([x, labels], 8, { backend, partial: true });
  const all = {
    accuracy: metrics.accuracy(),
    top: metrics.accuracy({ topK: 2, ignoreIndex: 0 }),
    precision: metrics.precision({ average: "weighted" }),
    f1: metrics.f1(),
    confusion: metrics.confusionMatrix(),
    perplexity: metrics.perplexity(),
  };
  const history = await fit(model, batches, {
    loss: crossEntropy,
    optimizer: adam({ lr: 0.05 }),
    epochs: 3,
    metrics: all,
  });
  const score = (y: typeof x) => y.take(0, { axis: 1 }).reshape([-1, 1]);
  const ranked = { auc: metrics.auc(), average: metrics.averagePrecision() };
  const binary = minibatch([x, labels.greater(0).reshape([20, 1])], 8, { backend, partial: true });
  const errors = { r2: metrics.r2(), mae: metrics.meanAbsoluteError(), mse: metrics.meanSquaredError() };
  const regression = minibatch([x, real], 8, { backend, partial: true });
  return {
    history,
    ranked: await evaluate((a: typeof x) => score(model(a)), binary, { metrics: ranked }),
    errors: await evaluate((a: typeof x) => score(model(a)), regression, { metrics: errors }),
    predictions: await (await predict(model, batches, { target: true })).array(),
  };
}

/** The same with numbers rounded. */
const rounded = (x: unknown): unknown =>
  JSON.parse(JSON.stringify(x, (_, value: unknown) => (typeof value === "number" ? Number(value.toFixed(3)) : value)));

test.runIf(longOn("webgpu"))("metrics, losses and predictions are those of the CPU", async () => {
  const [one, other] = [await results(await open()), await results(await openGpu())];
  expect(rounded(other)).toEqual(rounded(one));
});

test.runIf(longOn("webgpu"))("a target that is no label is named as on the CPU", async () => {
  for (const opened of [open, openGpu]) {
    const { tensor } = await opened();
    for (const wrong of [-1, 0.5, 2, NaN]) {
      const targets = tensor([0, wrong, 1]);
      const ones = metrics.accuracy();
      ones.update(tensor([0.1, 0.9, 0.4]), tensor([0, 1, 0]));
      ones.update(tensor([0.1, 0.9, 0.4]), targets);
      await expect(ones.result()).rejects.toThrow(`accuracy: the target ${wrong} is no label`);
    }
    const classes = metrics.f1();
    classes.update(tensor([[1, 2], [2, 1]]), tensor([0, 1.5])); // prettier-ignore
    await expect(classes.result()).rejects.toThrow("f1: the target 1.5 is no label");
  }
});
