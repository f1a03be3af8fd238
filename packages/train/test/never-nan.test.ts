// Weights that are NaN never replace those of a file, and the error names the step.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { param, state } from "@weft/autograd";
import { minibatch, progress, takeFirst, takeNth } from "@weft/data";
import { freeze, load, mse, readMetadata } from "@weft/nn";
import { DivergenceError, minimize, sgd } from "@weft/optim";
import { cast, mul, sum, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import { checkpoints, earlyStopping, evaluateEvery, fit, logTo, stopOnNaN } from "../src/index.node.ts";
import { batches, bits, build, cpu, fresh, x, y } from "./small-run.ts";

async function drain<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
/** Training whose weights are NaN from the step on whose datum is NaN. */
function diverging(at: number, { last = Infinity, factor = 1 } = {}) {
  const model = { w: param(cpu.tensor([4])) };
  const data = Array.from({ length: 30 }, (_, k) => cpu.tensor([k + 1 === at ? NaN : factor]));
  const loss = (x: Tensor) => sum(mul(model.w, x));
  return { model, steps: minimize(loss, takeFirst(data, last), sgd({ lr: 0.125 })) };
}
const wIn = async (file: string) => {
  const { w } = await load(file, { w: param(cpu.tensor([0])) });
  return (await w.value.data())[0];
};

test.each<[string, (steps: AsyncIterable<Tensor>) => AsyncIterable<Tensor>]>([
  ["alone", (steps) => stopOnNaN(steps)],
  ["under a log", (steps) => logTo(stopOnNaN(steps), [])],
  ["under all loops", (steps) => evaluateEvery(earlyStopping(logTo(stopOnNaN(steps), []), { monitor: () => 1, patience: 99 }), 3, () => 1)], // oxfmt-ignore
  ["over a log", (steps) => stopOnNaN(logTo(steps, []))],
])("a file never gets NaN: stopOnNaN %s names the step before the file is written", async (_, wrap) => {
  for (const [every, at] of [
    [10, 20],
    [10, 19],
    [5, 13],
    [1, 3],
  ] as const) {
    // oxfmt-ignore
    const folder = fresh();
    const { model, steps } = diverging(at);
    const saved = checkpoints(wrap(steps), { model, folder, every, keep: 1, best: true });
    await expect(drain(saved)).rejects.toThrow(`stopOnNaN: the loss of step ${at} is NaN`);
    const good = every * Math.floor((at - 1) / every);
    expect((await readMetadata(join(folder, "last.safetensors")))["step"]).toBe(good);
    for (const file of readdirSync(folder)) expect(await wIn(join(folder, file))).toBe(4 - good / 8);
  }
});

test("a file never gets NaN: without stopOnNaN, too, and where a loop is left or ends", async () => {
  for (const [every, at, last] of [
    [10, 20, 99],
    [10, 15, 99],
    [100, 3, 3],
    [100, 3, 7],
  ] as const) {
    // oxfmt-ignore
    const folder = fresh();
    const first = diverging(99, { last: 2 });
    await drain(checkpoints(first.steps, { model: first.model, folder }));
    const { model, steps } = diverging(at, { last });
    const saved = checkpoints(steps, { model, folder, every });
    const found = Math.min(every * Math.ceil(at / every), last);
    const refusal = expect(drain(saved)).rejects;
    await refusal.toThrow(
      new DivergenceError(
        `checkpoints: after step ${found} the parameter w has NaN in 1 of 1 elements, so it is not saved; ` +
          `${folder} keeps what it has. stopOnNaN(…) inside names the step, and with { operations: true } what gave it`,
      ),
    );
    expect(await wIn(join(folder, "last.safetensors"))).toBe(4 - (every === 10 ? 10 : 2) / 8);
  }
  const folder = fresh();
  const { model, steps } = diverging(2);
  const left = async () => {
    for await (const _ of takeFirst(checkpoints(steps, { model, folder }), 3));
  };
  await expect(left()).rejects.toThrow(DivergenceError);
  expect(readdirSync(folder)).toEqual([]);
});

test("what is frozen, and state, may have NaN", async () => {
  const folder = fresh();
  const model = { w: param(cpu.tensor([1])), mask: freeze(param(cpu.tensor([NaN]))), seen: state(cpu.tensor([NaN])) };
  await drain(checkpoints([1], { model, folder }));
  expect(readdirSync(folder)).toEqual(["last.safetensors"]);
});

test("fit saves no NaN, and names the step", async () => {
  for (const every of [1, 2]) {
    const folder = fresh();
    const { model, optimizer } = build();
    const checked = { loss: mse, optimizer, checkpoints: { folder, every, resume: true } };
    await fit(model, batches, { ...checked, epochs: 2 });
    const before = await bits({ model });
    const xs = Array.from({ length: 20 }, (_, k) => (k === 13 ? [NaN, 1, 1] : [1, 1, 1]));
    const wrong = minibatch([cpu.tensor(xs), y], 5, {});
    await expect(fit(model, wrong, { ...checked, epochs: 6 })).rejects.toThrow(
      new RegExp(
        `^fit: the loss is NaN from step 3 of epoch 3 on \\(checkpoints: after step ${every + 2} the parameter model.0.weight has NaN`,
      ),
    );
    const other = build();
    await fit(other.model, batches, { ...checked, optimizer: other.optimizer, epochs: 2 });
    expect(await bits(other)).toEqual(before);
  }
});

test("what is saved in 16 bits is looked at, too", async () => {
  for (const dtype of ["bf16", "f16"] as const)
    for (const x of [1, NaN]) {
      const folder = fresh();
      const saving = drain(checkpoints([1], { model: { w: param(cast(cpu.tensor([1, x]), dtype)) }, folder }));
      if (x === 1) await saving;
      else await expect(saving).rejects.toThrow("the parameter w has NaN in 1 of 2 elements");
      expect(readdirSync(folder)).toEqual(x === 1 ? ["last.safetensors"] : []);
    }
});

test("stopOnNaN that is saved with the run names the step where that is resumed", async () => {
  for (const operations of [false, true]) {
    const folder = fresh();
    const make = (steps: AsyncIterable<Tensor>, model: object) => {
      const checked = stopOnNaN(steps, { operations });
      return { checked, saved: checkpoints(checked, { model: { model, checked }, folder, every: 5, resume: true }) };
    };
    const first = diverging(99, { last: 10 });
    await drain(make(first.steps, first.model).saved);
    const second = diverging(3);
    const { checked, saved } = make(second.steps, second.model);
    await expect(drain(saved)).rejects.toThrow(operations ? "stopOnNaN: in step 13, " : "the loss of step 13 is NaN");
    expect(checked.step).toBeGreaterThan(operations ? 11 : 12);
  }
});

test.each<[string, (steps: AsyncIterable<Tensor>) => AsyncIterable<Tensor>]>([
  ["takeFirst", (steps) => takeFirst(steps, 20)],
  ["progress", (steps) => progress(steps, { display: { update() {}, close() {} } })],
  ["takeNth of takeFirst", (steps) => takeNth(takeFirst(steps, 20), 1)],
])("a file waits for stopOnNaN through %s", async (_, between) => {
  const folder = fresh();
  const { steps } = diverging(2);
  const model = { w: param(cpu.tensor([4])) }; // what is saved is not what diverges: only the loop can tell
  const saved = checkpoints(between(stopOnNaN(steps)), { model, folder, every: 2 });
  await expect(drain(saved)).rejects.toThrow("step 2");
  expect(existsSync(join(folder, "last.safetensors"))).toBe(false);
});

test("fit names the step of NaN also where the data were looked into before", async () => {
  const { model, optimizer } = build();
  const wrong = minibatch([x, mul(y, NaN)], 5, {});
  for (const _ of wrong) break;
  await expect(fit(model, wrong, { loss: mse, optimizer, checkpoints: { folder: fresh() } })).rejects.toThrow(
    "from step 1 of epoch 1",
  );
});
