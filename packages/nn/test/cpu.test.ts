// The same on the CPU backend: PyTorch's values, and parameters with the same bits as on the reference.
import { grad } from "@weft/autograd";
import { golden, openSync as reference } from "@weft/conformance";
import { add, mul, square, sum, type Tensor } from "@weft/tensor";
import { openSync, type CpuBackend } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import {
  BatchNorm,
  Conv,
  crossEntropy,
  dropout,
  Embedding,
  gru,
  GRU,
  heNormal,
  Linear,
  lstm,
  LSTM,
  params,
  place,
  seed,
} from "../src/index.ts";
import { goldenFiles, goldenFunctions } from "./golden-functions.ts";

const list = async (x: Tensor) => [...(await x.data())];
const cpu = openSync({});

test.each(golden(async () => cpu, { functions: goldenFunctions, files: goldenFiles, known: true }))(
  "$name",
  ({ run }) => run(),
);

test("parameters are initialized with the same bits on every backend", async () => {
  const build = () => {
    seed(11);
    return [
      Linear(30, 20),
      Conv({ in: 2, out: 3, kernel: 3, init: heNormal() }),
      LSTM({ in: 5, hidden: 4 }),
      GRU({ in: 4, hidden: 3, bias: false }),
      Embedding(9, 4),
      BatchNorm(3),
    ];
  };
  const [a, b] = [await place(build(), cpu), await place(build(), reference({ rounding: true }))];
  expect(params(a).length).toBe(13);
  for (const [k, p] of params(a).entries()) expect(await list(p.value)).toEqual(await list(params(b)[k]!.value));
});

test("dropout drops the same elements on every backend", async () => {
  const masks = [cpu, reference({ rounding: true })].map((backend) => {
    const x = backend.ones([1000]);
    return [dropout(x, 0.4, { training: true, seed: 5 }), dropout(x, 0.4, { training: true })] as const;
  });
  for (const k of [0, 1] as const) expect(await list(masks[0]![k])).toEqual(await list(masks[1]![k]));
});

/** A layer, and the function that it calls. */
const recurrent = {
  LSTM: [LSTM, (x: Tensor, weights: Tensor[]) => lstm(x, null, null, weights)],
  GRU: [GRU, (x: Tensor, weights: Tensor[]) => gru(x, null, weights)],
} as const;

test.each(["LSTM", "GRU"] as const)("the gradients of both orders of %s are the reference's", async (name) => {
  const [build, call] = recurrent[name];
  const run = async (backend: CpuBackend | ReturnType<typeof reference>): Promise<number[]> => {
    seed(2);
    const rnn = build({ in: 3, hidden: 4 });
    const x = backend.arange(0, 30).mul(0.1).sin().reshape([5, 2, 3]);
    rnn(x);
    const weights = params(rnn).map((p) => p.value);
    const value = (v: Tensor, w: Tensor) => {
      const { y, ...ends } = call(v, [w, ...weights.slice(1)]);
      return Object.values(ends).reduce((total, end) => add(total, sum(end)), sum(mul(square(y), y)));
    };
    const first = grad(value)(x, weights[0]!);
    const second = grad((w: Tensor) => sum(square(grad(value)(x, w))))(weights[0]!);
    return [...(await list(first)), ...(await list(second))];
  };
  const [a, b] = [await run(cpu), await run(reference({}))];
  a.forEach((value, i) => expect(value).toBeCloseTo(b[i]!, 5));
});

test.each([{}, { labelSmoothing: 0.1 }])(
  "where all labels are ignored the loss is NaN, and its gradient 0 (%o)",
  (more) => {
    const x = cpu.tensor([
      [1, 2, 3],
      [4, 5, 7],
    ]);
    const loss = (labels: number[]) => (z: Tensor) =>
      crossEntropy(z, cpu.tensor(labels, { dtype: "i32" }), { ignoreIndex: 1, ...more });
    expect(loss([1, 1])(x).itemSync()).toBeNaN();
    expect([...grad(loss([1, 1]))(x).dataSync()]).toEqual([0, 0, 0, 0, 0, 0]);
    // Only one row is not ignored: the mean is over it alone.
    expect(loss([1, 2])(x).itemSync()).toBe(
      crossEntropy(x.slice({ starts: [1] }), cpu.tensor([2], { dtype: "i32" }), more).itemSync(),
    );
    expect([...grad(loss([1, 2]))(x).dataSync()].slice(0, 3)).toEqual([0, 0, 0]);
  },
);
