// Optimizers together with other packages: state that moves with its model, and progress around a run.
import { scope } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { minibatch, progress } from "@weft/data";
import { BatchNorm, Chain, crossEntropy, Linear, mse, params, place, seed } from "@weft/nn";
import { relu, type Tensor } from "@weft/tensor";
import { open as openCpu } from "@weft/tensor-cpu";
import { openWebGpu } from "../../../test/webgpu.ts";
import { expect, test } from "vitest";
import { adam, minimize, momentum, sgd } from "../src/index.ts";

const list = async (x: Tensor) => [...(await x.data())];

test("place moves a model with its optimizers' state, and training continues where it was", async () => {
  const [here, there] = [openSync({ rounding: true }), openSync({ rounding: true })];
  const train = async (
    backend: typeof here,
    model: ReturnType<typeof Linear>,
    rule: ReturnType<typeof adam>,
    steps: number,
  ) => {
    const data = Array.from({ length: steps }, () => [backend.tensor([[1, 2]]), backend.tensor([[3]])] as const);
    for await (const _ of minimize((x: Tensor, y: Tensor) => mse(model(x), y), data, rule));
    return list(model.weight.value);
  };
  const [moved, stayed] = [1, 2].map(() => (seed(1), Linear(2, 1))) as [
    ReturnType<typeof Linear>,
    ReturnType<typeof Linear>,
  ];
  const [a, b, unused] = [adam({ lr: 0.1 }), adam({ lr: 0.1 }), momentum()];
  expect(await train(here, moved, a, 3)).toEqual(await train(here, stayed, b, 3));
  expect(unused.stateOf(moved.weight)).toBeUndefined();
  await place(moved, there);
  expect(a.stateOf(moved.weight)!["m"]!.backend).toBe(there);
  expect(await train(there, moved, a, 3)).toEqual(await train(here, stayed, b, 3));
  expect(a.stateOf(moved.weight)!["v"]!.backend).toBe(there);
});

test("progress passes the losses of a run through", async () => {
  const backend = openSync({});
  const model = Linear(1, 1);
  const data = Array.from({ length: 5 }, () => [backend.tensor([[1]]), backend.tensor([[2]])] as const);
  const run = minimize((x: Tensor, y: Tensor) => mse(model(x), y), data, sgd());
  let text = "";
  const stream = { isTTY: false, write: (part: string) => ((text += part), true) };
  const losses: number[] = [];
  for await (const loss of progress(run, { stream: stream as never })) losses.push(Number(await loss.item()));
  expect(losses.length).toBe(5);
  expect(losses[4]).toBeLessThan(losses[0]!);
  expect(text).toMatch(/5\/5/);
});

test.each([
  ["the CPU", openCpu] as const,
  ...(process.env["WEFT_NO_DRIVER"] === undefined ? [["WebGPU", openWebGpu] as const] : []),
])(
  "two spirals are learned on %s, twice with the same bits, and nothing is left behind",
  { timeout: 120_000 },
  async (_, open) => {
    const run = async () => {
      const backend = await open({ seed: 3 });
      seed(3);
      const points = Array.from({ length: 200 }, (_, i) => {
        const [arm, r] = [i % 2, 0.2 + (i / 200) * 0.8];
        const angle = 5 * r + arm * Math.PI;
        return { x: [r * Math.cos(angle), r * Math.sin(angle)], arm };
      });
      const x = backend.tensor(points.map((p) => p.x));
      const y = backend.tensor(
        points.map((p) => p.arm),
        { dtype: "i32" },
      );
      const model = Chain(Linear(2, 32), BatchNorm(32), relu, Linear(32, 32), relu, Linear(32, 2));
      const rule = adam({ lr: 0.02 });
      const losses: number[] = [];
      let living = 0;
      for (let epoch = 0; epoch < 25; epoch++) {
        const batches = minibatch([x, y], 50, { backend, shuffle: true, seed: epoch });
        for await (const loss of minimize((a: Tensor, b: Tensor) => crossEntropy(model(a), b), batches, rule))
          losses.push((await loss.item()) as number);
        if (epoch === 5) living = backend.stats().live;
      }
      expect(backend.stats().live).toBe(living);
      return { losses, weights: await list(params(model)[0]!.value) };
    };
    const [a, b] = [await run(), await run()];
    expect(a.losses.length).toBe(100);
    expect(a.losses[0]).toBeGreaterThan(0.5);
    expect(a.losses.at(-1)).toBeLessThan(0.1);
    expect(a).toEqual(b);
  },
);

test("a loop by hand: update takes a tape", async () => {
  const backend = openSync({});
  const { diff } = await import("@weft/autograd");
  const model = Linear(1, 1);
  const [x, y] = [backend.tensor([[1]]), backend.tensor([[2]])];
  const rule = sgd({ lr: 0.25 });
  const before = await scope(() => mse(model(x), y)).item();
  for (let k = 0; k < 3; k++) scope(() => rule.update(diff(() => mse(model(x), y))));
  const after = await scope(() => mse(model(x), y)).item();
  // Both weight and bias move by half of the error: nothing is left after one step.
  expect([before! > 1e-3, after! < 1e-12, rule.steps]).toEqual([true, true, 3]);
});
