// Loops around loops: known sequences, every order of wrapping, losses as tensors, failures in the middle.
import { param } from "@weft/autograd";
import { cycle, progress, takeFirst } from "@weft/data";
import { constant, Linear, mse, params } from "@weft/nn";
import { converge, DivergenceError, minimize, sgd } from "@weft/optim";
import { ArgumentError, log, mul, NonFiniteError, sqrt, square, sub, sum, type Tensor } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { expect, test, vi } from "vitest";
import { earlyStopping, evaluateEvery, fit, logTo, stopOnNaN } from "../src/index.node.ts";

const cpu = await open({ seed: 1 });
const { tensor } = cpu;
async function drain<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
/** p falls from 4 to 0, with losses 16, 4, 1, … */
const falling = (steps = 5) => {
  const p = param(tensor([4]));
  const data = Array.from({ length: steps }, () => tensor([0]));
  return minimize((x) => sum(square(sub(p, x))), data, sgd({ lr: 0.25 }));
};

test("stops after `patience` measurements that are no improvement", async () => {
  const losses = [5, 4, 4, 4.5, 3, 3.2, NaN, 3, 1];
  expect(await drain(earlyStopping(losses, { patience: 3 }))).toEqual([5, 4, 4, 4.5, 3, 3.2, NaN, 3]);
  expect(await drain(earlyStopping(losses, { patience: 2 }))).toEqual([5, 4, 4, 4.5]);
  expect(await drain(earlyStopping(losses, { patience: 2, minDelta: 1.5 }))).toEqual([5, 4, 4]);
  expect(await drain(earlyStopping(losses, { patience: 4 }))).toEqual(losses);
  expect(await drain(earlyStopping([1, 2, 3, 2, 2, 9], { mode: "max", patience: 2 }))).toEqual([1, 2, 3, 2, 2]);
  expect(await drain(earlyStopping([Infinity, Infinity, 1], { patience: 2 }))).toEqual([Infinity, Infinity]);
});

test("monitors what it is told, where there is something", async () => {
  const items = [1, 2, 3, 4, 5, 6].map((n) => ({ n, loss: n % 2 === 0 ? n : undefined }));
  const run = earlyStopping(items, { monitor: async ({ loss }) => loss, patience: 2 });
  expect((await drain(run)).map(({ n }) => n)).toEqual([1, 2, 3, 4, 5, 6]);
  expect([run.step, run.best, run.bestStep, run.waited]).toEqual([6, 2, 2, 2]);
  await expect(drain(earlyStopping(items))).rejects.toThrow("say what to measure");
});

test("its state goes on where it is assigned", async () => {
  const run = earlyStopping([3, 3, 3], { patience: 3 });
  Object.assign(run, { best: 3, bestStep: 7, step: 8, waited: 1 });
  expect(await drain(run)).toEqual([3, 3]);
  expect(run.step).toBe(10);
  // A best that is assigned counts, at whatever step it was.
  for (const [mode, best] of [
    ["min", 2],
    ["max", 4],
    ["min", 3],
  ] as const) {
    // prettier-ignore
    const assigned = earlyStopping([3, 3, 3], { patience: 2, mode });
    Object.assign(assigned, { best });
    expect(await drain(assigned)).toEqual([3, 3]);
    expect(assigned).toMatchObject({ best, bestStep: 0, waited: 2 });
  }
  const unknown = earlyStopping([3, 4, 5], { patience: 2, mode: "max" });
  Object.assign(unknown, { best: NaN });
  expect(await drain(unknown)).toEqual([3, 4, 5]);
});

test("what can be saved and assigned of a loop is where it stands", async () => {
  const evaluated = evaluateEvery(logTo(stopOnNaN([1, 2, 3]), { scalars: () => {} }), 2, () => ({ loss: 1 }));
  const assignable = (loop: object) =>
    Object.entries(Object.getOwnPropertyDescriptors(loop)).flatMap(([name, { enumerable, writable, value }]) =>
      enumerable === true && writable === true && typeof value !== "function" ? [[name, value as unknown]] : [],
    );
  await drain(evaluated);
  expect(assignable(earlyStopping([1], { restore: Linear(1, 1) })).map(([name]) => name)).toContain("bestValues");
  expect(assignable(evaluated)).toEqual([["step", 3]]);
  expect(assignable(stopOnNaN([1]))).toEqual([["step", 0]]);
  expect(assignable(earlyStopping([1])).map(([name]) => name)).toEqual(["step", "best", "bestStep", "waited"]);
  expect(evaluated.length).toBe(3);
});

test("a loop that has stopped has no more items, also when its state is assigned", async () => {
  const run = earlyStopping([1, 2, 3, 4], { patience: 2 });
  expect(await drain(run)).toEqual([1, 2, 3]);
  expect(await drain(run)).toEqual([]);
  const other = earlyStopping([1, 2], { patience: 2 });
  other.waited = 2;
  expect(await drain(other)).toEqual([]);
});

test("refuses to restore what has no parameters that can be found", async () => {
  const layer = Linear(1, 1);
  const model = (x: Tensor) => layer(x);
  const message = /^earlyStopping: what should be restored has no parameters, or hides them in closures/;
  for (const restore of [model, {}, [], { model }])
    expect(() => earlyStopping([3, 2], { restore })).toThrow(
      expect.objectContaining({ name: "StateError", message: expect.stringMatching(message) as string }),
    );
  const options = { loss: mse, stop: { restore: true } };
  await expect(fit(model, [], options)).rejects.toThrow(
    /^fit: what stop.restore should restore has no parameters, or hides them/,
  );
});

test("restores the values of the best measurement, unless the loop is left", async () => {
  const model = Linear(1, 1, { init: constant(0), bias: false });
  const [weight] = params(model);
  await model(tensor([[1]])).data();
  async function* steps(values: readonly number[]) {
    for (const w of values) {
      weight!.value = tensor([[w]]);
      yield Math.abs(w - 3);
    }
  }
  await drain(earlyStopping(steps([1, 2.5, 4, 9, 3]), { patience: 2, restore: model }));
  expect(await weight!.value.array()).toEqual([[2.5]]);
  await earlyStopping(steps([1, 3, 4]), { restore: model });
  expect(await weight!.value.array()).toEqual([[3]]);
  for await (const _ of takeFirst(earlyStopping(steps([1, 2, 7]), { restore: model }), 3));
  expect(await weight!.value.array()).toEqual([[7]]);
});

test("stopOnNaN names the step", async () => {
  expect(await drain(stopOnNaN([3, 2, 1]))).toEqual([3, 2, 1]);
  await expect(drain(stopOnNaN([3, NaN, 1]))).rejects.toThrow(/^stopOnNaN: the loss of step 2 is NaN; \{ operations/);
  await expect(drain(stopOnNaN([3, -Infinity]))).rejects.toThrow(DivergenceError);
  expect(await drain(stopOnNaN([Infinity], { infinity: false }))).toEqual([Infinity]);
});

test("stopOnNaN reads losses later, and misses none", async () => {
  const p = param(tensor([1]));
  const data = Array.from({ length: 30 }, (_, k) => tensor([k === 20 ? NaN : 0]));
  const diverging = minimize((x: Tensor) => sum(square(sub(p, x))), data, sgd({ lr: 0.1 }));
  let count = 0;
  const run = async () => {
    for await (const _ of stopOnNaN(diverging)) count++;
  };
  await expect(run()).rejects.toThrow("the loss of step 21 is NaN");
  expect(count).toBeGreaterThanOrEqual(20);
  expect(count).toBeLessThan(30);
  const again = async () => {
    for await (const _ of stopOnNaN([tensor(1), tensor(NaN)])) if (++count > 0) void 0;
  };
  await expect(again()).rejects.toThrow("step 2");
  const left = async () => {
    for await (const _ of stopOnNaN([tensor(NaN), tensor(1)])) break;
  };
  await expect(left()).rejects.toThrow("step 1");
});

test("stopOnNaN finds the first operation: in the loss, backward, or in an update", async () => {
  const p = param(tensor([4]));
  const loss = (x: Tensor) => sum(log(mul(p, x)));
  const watched = (f: (x: Tensor) => Tensor, xs: readonly number[], lr = 0) =>
    drain(stopOnNaN(minimize(f, xs.map((x) => tensor([x])), sgd({ lr })), { operations: true })); // prettier-ignore
  expect(await watched(loss, [1, 2])).toHaveLength(2);
  const failure = await watched(loss, [1, 2, -1]).catch((error: unknown) => error as Error);
  expect(failure).toBeInstanceOf(DivergenceError);
  expect((failure as Error).message).toMatch(/^stopOnNaN: in step 3, log: gave NaN or an infinity in 1 of 1 elements/);
  expect((failure as Error).cause).toBeInstanceOf(NonFiniteError);
  const root = () => sum(sqrt(sub(p, p)));
  await expect(watched(root, [1])).rejects.toThrow(/in step 1, .* in a backward pass/);
  p.value = tensor([4]); // the step before was made
  const steep = (x: Tensor) => sum(mul(p, x));
  await expect(watched(steep, [1, 10], 1e38)).rejects.toThrow(/in step 2, /);
});

test("evaluateEvery evaluates after every n-th step, and stops nothing", async () => {
  const calls: number[] = [];
  const run = evaluateEvery([10, 20, 30, 40, 50], 2, async (step, item) => {
    calls.push(step);
    return item / 10;
  });
  expect(run.length).toBe(5);
  const seen: unknown[] = [];
  for await (const item of run) seen.push([item, run.current]);
  expect(seen).toEqual([[10, undefined], [20, 2], [30, undefined], [40, 4], [50, undefined]]); // prettier-ignore
  expect(calls).toEqual([2, 4]);
  expect(run.history).toEqual([{ step: 2, value: 2 }, { step: 4, value: 4 }]); // prettier-ignore
  const failing = evaluateEvery([1, 2], 2, () => {
    throw new Error("mine");
  });
  await expect(drain(failing)).rejects.toThrow("mine");
});

test("logTo notes numbers in order, every so many, and what it is told", async () => {
  const lines: unknown[] = [];
  const flushed: number[] = [];
  const sink = {
    scalars: (step: number, values: object) => void lines.push([step, values]),
    flush: () => void flushed.push(lines.length),
  };
  await logTo(falling(), sink);
  expect(lines).toEqual([16, 4, 1, 0.25, 0.0625].map((loss, k) => [k + 1, { loss }]));
  expect(flushed).toEqual([5]);
  lines.length = 0;
  const values = (loss: Tensor, step: number) => (step === 4 ? undefined : { a: loss, b: step, c: undefined });
  await logTo(falling(), sink, { every: 2, values });
  expect(lines).toEqual([[2, { a: 4, b: 2 }]]);
  await logTo(falling(1), [sink, sink], { step: () => 77 });
  expect(lines.slice(1)).toEqual([[77, { loss: 16 }], [77, { loss: 16 }]]); // prettier-ignore
});

test("logTo counts steps, also where a run goes on, and waits for values", async () => {
  const lines: unknown[] = [];
  const sink = { scalars: (step: number, values: object) => void lines.push([step, values]) };
  const resumed = logTo([8, 9, 10, 11], sink, { every: 5 });
  resumed.step = 7;
  await drain(resumed);
  expect(lines).toEqual([[10, { loss: 10 }]]);
  lines.length = 0;
  let step = 3;
  await logTo([1, 2, 3], sink, { every: 2, step: () => ++step });
  expect(lines.map((line) => (line as [number])[0])).toEqual([4, 6]);
  lines.length = 0;
  const order: string[] = [];
  const values = async (loss: Tensor, at: number) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    order.push(`values ${at}`);
    return at === 2 ? undefined : { loss, at };
  };
  for await (const _ of logTo(falling(3), sink, { values })) order.push("item");
  expect(lines).toEqual([[1, { loss: 16, at: 1 }], [3, { loss: 1, at: 3 }]]); // prettier-ignore
  expect(order).toEqual(["values 1", "item", "values 2", "item", "values 3", "item"]);
  const failing = logTo([1], sink, { values: () => Promise.reject(new Error("mine")) });
  await expect(drain(failing)).rejects.toThrow("mine");
});

test("logTo notes numbers at once, and tensors as soon as they are read, with the time of their item", async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: 0 });
  try {
    const lines: unknown[] = [];
    const sink = { scalars: (...entry: unknown[]) => void lines.push(entry) };
    const seen: number[] = [];
    for await (const _ of logTo([4, 2, 1], sink)) seen.push(lines.length);
    expect(seen).toEqual([1, 2, 3]);
    lines.length = 0;
    const losses = Array.from({ length: 12 }, (_, k) => {
      let read = (): void => {};
      const value = new Promise<number>((resolve) => (read = () => resolve(k)));
      return { item: () => value, read: () => read() };
    });
    let step = 0;
    seen.length = 0;
    for await (const _ of logTo(losses, sink)) {
      vi.setSystemTime(1000 * ++step);
      if (step >= 3) losses[step - 3]!.read();
      if (step === 12) for (const { read } of losses) read();
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(lines.length);
    }
    expect(seen).toEqual([0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12]);
    expect(lines).toEqual(losses.map((_, k) => [k + 1, { loss: k }, k]));
    // Numbers wait for those before them, as an error does; then it is thrown at the next item.
    lines.length = 0;
    seen.length = 0;
    let lose = (): void => {};
    const lost = new Promise<number>((_, reject) => (lose = () => reject(new Error("lost"))));
    const mixed = [{ item: () => lost }, 5, 6, 7];
    const failing = async () => {
      for await (const item of logTo(mixed, sink)) {
        seen.push(lines.length);
        if (item === 5) lose();
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await expect(failing()).rejects.toThrow("lost");
    expect([seen, lines]).toEqual([[0, 0], []]);
  } finally {
    vi.useRealTimers();
  }
});

test("logTo writes what it has when the loop fails or is left, and throws the loop's error", async () => {
  const lines: number[] = [];
  let flushed = 0;
  const sink = { scalars: (step: number) => void lines.push(step), flush: () => void flushed++ };
  function* failing() {
    yield 1;
    yield 2;
    throw new Error("mine");
  }
  await expect(drain(logTo(failing(), sink))).rejects.toThrow("mine");
  for await (const _ of logTo([1, 2, 3], sink)) break;
  expect(lines).toEqual([1, 2, 1]);
  expect(flushed).toBe(2);
  const full = { scalars: () => Promise.reject(new Error("the disk is full")) };
  await expect(drain(logTo(falling(), full))).rejects.toThrow("the disk is full");
  // @ts-expect-error
  expect(() => logTo([1], "run.jsonl")).toThrow('wanted a log such as jsonl("run.jsonl")');
});

test("loops wrap each other in any order, and can be awaited", async () => {
  const lines: number[] = [];
  const sink = { scalars: (_: number, { loss }: Readonly<Record<string, number>>) => void lines.push(loss!) };
  const quiet = { display: { update: () => {}, close: () => {} } };
  const wrappers = [
    (steps: AsyncIterable<Tensor>) => stopOnNaN(steps),
    (steps: AsyncIterable<Tensor>) => logTo(steps, sink),
    (steps: AsyncIterable<Tensor>) => earlyStopping(steps),
    (steps: AsyncIterable<Tensor>) => evaluateEvery(steps, 2, () => 1),
    (steps: AsyncIterable<Tensor>) => progress(steps, quiet),
    (steps: AsyncIterable<Tensor>) => takeFirst(steps, 4),
  ];
  for (let k = 0; k < wrappers.length; k++) {
    lines.length = 0;
    const turned = [...wrappers.slice(k), ...wrappers.slice(0, k)];
    const run = turned.reduce((steps: AsyncIterable<Tensor>, wrap) => wrap(steps), falling());
    const found: number[] = [];
    for await (const loss of run) found.push(await loss.item());
    expect(found).toEqual([16, 4, 1, 0.25]);
    expect(lines.slice(0, 4)).toEqual(found);
  }
  const last = await logTo(stopOnNaN(converge(falling())), sink);
  expect(await last.item()).toBe(0.0625);
  await expect(Promise.resolve(earlyStopping([]))).rejects.toThrow(ArgumentError);
});

test("wrong arguments are named", () => {
  // @ts-expect-error
  expect(() => earlyStopping(3)).toThrow("earlyStopping: wanted steps to iterate over");
  // @ts-expect-error
  expect(() => stopOnNaN(tensor([1]))).toThrow("stopOnNaN: wanted steps to iterate over");
  expect(() => earlyStopping([1], { patience: 0 })).toThrow("wanted a positive integer as patience");
  expect(() => evaluateEvery([1], 0, () => 1)).toThrow("wanted a positive integer as n");
  // @ts-expect-error
  expect(() => earlyStopping([1], { delta: 3 })).toThrow('no option "delta"');
});

test("memory stays flat over a thousand steps", async () => {
  const backend = await open({ seed: 1 });
  const model = Linear(2, 1);
  const batch = [backend.ones([4, 2]), backend.ones([4, 1])] as const;
  const steps = minimize((x, y) => mse(model(x), y), cycle([batch]), sgd({ lr: 0.001 }));
  const run = logTo(stopOnNaN(earlyStopping(steps, { patience: 2000, restore: model })), { scalars: () => {} });
  const used = new Set<number>();
  let count = 0;
  for await (const _ of takeFirst(run, 1000)) if (++count > 100 && count % 100 === 0) used.add(backend.stats().live);
  expect(used.size).toBeLessThanOrEqual(2);
  expect(Math.max(...used)).toBeLessThan(40);
});
