// Asynchronous steps: a transform or an optimizer that returns a promise, for example to sum gradients over machines.
import { diff, scope, type Tape } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { BatchNorm, Chain, crossEntropy, Linear, mse, params, seed } from "@weft/nn";
import { IndexError, mul, type Tensor } from "@weft/tensor";
import { open as openCpu } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import {
  adam,
  chain,
  clipGlobalNorm,
  gradientsOf,
  minimize,
  type AsyncOptimizer,
  type AsyncTransform,
  type Gradient,
  type Optimizer,
} from "../src/index.ts";

const later = () => new Promise((resolve) => setTimeout(resolve, 0));
/** Sums over two machines that have the same gradients. */
const summed: AsyncTransform = async (gradients) => {
  await later();
  return gradients.map(({ param, g }): Gradient => ({ param, g: mul(g as Tensor, 2) }));
};
const doubled = (gradients: readonly Gradient[]) =>
  gradients.map(({ param, g }): Gradient => ({ param, g: mul(g as Tensor, 2) }));

function setting(open = openSync({})) {
  seed(1);
  const model = Chain(Linear(3, 4), Linear(4, 2));
  const [x, y] = [open.randn([8, 3], { seed: 1 }), open.randn([8, 2], { seed: 2 })];
  return { model, loss: () => mse(model(x), y), data: Array.from({ length: 5 }, () => [] as const) };
}
const numbers = (model: unknown) => params(model).map((p) => p.value.arraySync());

test("an asynchronous step computes the same as a synchronous one, in minimize and by hand", async () => {
  const [now, waits, byHand] = [setting(), setting(), setting()];
  const plain: Optimizer = chain(doubled, clipGlobalNorm(0.5), adam());
  plain.update(diff(now.loss)) satisfies void;
  const losses = async (run: AsyncIterable<Tensor>) => {
    const list: number[] = [];
    for await (const loss of run) list.push(await loss.item());
    return list;
  };
  const reduced: AsyncOptimizer = chain(summed, clipGlobalNorm(0.5), adam());
  const first: Promise<void> = reduced.update(diff(waits.loss));
  await first;
  expect(await losses(minimize(waits.loss, waits.data, reduced))).toEqual(
    await losses(minimize(now.loss, now.data, plain)),
  );
  expect([reduced.steps, numbers(waits.model)]).toEqual([6, numbers(now.model)]);

  const inner = adam();
  const update = async (tape: Tape): Promise<void> =>
    chain(doubled, clipGlobalNorm(0.5), inner).apply(await later().then(() => gradientsOf(tape)));
  const wrapped = chain(clipGlobalNorm(1e9), { ...inner, update, apply: async (gs) => inner.apply(gs) });
  for (let k = 0; k < 6; k++) await scope(async () => await update(diff(byHand.loss)));
  expect(numbers(byHand.model)).toEqual(numbers(now.model));
  await wrapped.update(diff(byHand.loss));
  expect(inner.steps).toBe(7);
});

test("nothing is left behind but parameters and state", async () => {
  const backend = openSync({});
  const { loss, data } = setting(backend);
  await minimize(loss, data, chain(summed, adam())).then((last) => last.release());
  const living = backend.live();
  const rule = chain(clipGlobalNorm(1), async (gradients) => (await later(), gradients), clipGlobalNorm(1), adam());
  for (let round = 0; round < 3; round++) await minimize(loss, data, rule).then((last) => last.release());
  expect(backend.live()).toBe(living + 8);
});

test("where a transform fails, what the loss assigned is rolled back", async () => {
  const cpu = await openCpu({});
  const model = Chain(Linear(2, 3), BatchNorm(3));
  const x = cpu.randn([4, 2]);
  model(x);
  const before = await model[1].running_mean.value.array();
  const broken = chain(async () => Promise.reject(new Error("the other machine is gone")), adam());
  await expect(broken.update(diff(() => mse(model(x), cpu.zeros([4, 3]))))).rejects.toThrow("machine is gone");
  expect(await model[1].running_mean.value.array()).toEqual(before);
  expect(broken.steps).toBe(0);
});

test("minimize stops at a step that fails, also at an asynchronous one", async () => {
  const cpu = await openCpu({});
  const model = Linear(2, 3);
  const x = cpu.randn([2, 2]);
  model(x);
  const labels = [cpu.tensor([0, 1], { dtype: "i32" }), mul(cpu.tensor([3, 1], { dtype: "i32" }), 2)];
  const rule = chain(async (gradients) => (await later(), gradients), adam());
  const run = minimize((y: Tensor) => crossEntropy(model(x), y), [...labels, labels[0]!, labels[0]!], rule);
  await expect(
    (async () => {
      for await (const _ of run);
    })(),
  ).rejects.toThrow(IndexError);
  expect(rule.steps).toBe(1);
});
