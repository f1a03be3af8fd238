// Training in one call, epoch by epoch, and evaluation: known numbers, interruption, failures, memory.
import { training } from "@weft/autograd";
import { Chain, constant, crossEntropy, dropout, Linear, mse, params, seed } from "@weft/nn";
import { minibatch, takeFirst } from "@weft/data";
import { adam, lbfgs, minimize, sgd } from "@weft/optim";
import { abs, ArgumentError, exp, IndexError, relu, sub, type Operand, type Tensor } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { open as openGpu } from "@weft/tensor-webgpu";
import { expect, test } from "vitest";
import { longOn } from "../../../test/extent.ts";
import { earlyStopping, epochs, evaluate, fit, metrics, predict, type Metric } from "../src/index.node.ts";

const cpu = await open({ seed: 1 });
const { tensor } = cpu;

/** y = w x with w = 1 at first. */
const line = () => Linear(1, 1, { init: constant(1), bias: false });
/** Batches of two rows and of one, for y = 3 x. */
const data = [
  [tensor([[1], [2]]), tensor([[3], [6]])],
  [tensor([[4]]), tensor([[12]])],
] as const;

test("losses of an epoch are means over rows, and training is that of minimize", async () => {
  const model = line();
  const history = await fit(model, data, { loss: mse, optimizer: sgd({ lr: 0.01 }), epochs: 2, validation: data });
  // By hand: w = 1; the first batch has (2² + 4²) / 2 = 10, and the gradient −10, so w = 1.1, and the second 57.76.
  let w = 1;
  const loss: number[] = [];
  const valLoss: number[] = [];
  for (let epoch = 0; epoch < 2; epoch++) {
    const a = (2.5 * (w - 3) ** 2) as number;
    w -= 0.01 * 5 * (w - 3);
    const b = 16 * (w - 3) ** 2;
    w -= 0.01 * 32 * (w - 3);
    loss.push((2 * a + b) / 3);
    valLoss.push(7 * (w - 3) ** 2);
  }
  expect(history.epoch).toEqual([1, 2]);
  for (const k of [0, 1]) {
    expect(history.loss[k]).toBeCloseTo(loss[k]!, 4);
    expect(history.valLoss[k]).toBeCloseTo(valLoss[k]!, 4);
  }
});

test("metrics are those of training and of validation, under their names", async () => {
  const model = line();
  const error = metrics.meanAbsoluteError();
  const options = { loss: mse, optimizer: sgd({ lr: 0 }), epochs: 2, validation: data, metrics: { error } };
  const history = await fit(model, data, options);
  const found: { error: number[]; valError: number[] } = history;
  expect(found).toMatchObject({ error: [14 / 3, 14 / 3], valError: [14 / 3, 14 / 3] });
  expect(Object.keys(history).toSorted()).toEqual(["epoch", "error", "loss", "valError", "valLoss"]);
  expect(await error.result()).toBeNaN(); // it was reset
});

test("a metric has one name, and collects one set of batches at a time", async () => {
  const error = metrics.meanAbsoluteError();
  const options = { loss: mse, metrics: { first: error, second: error } };
  await expect(evaluate(line(), data, options)).rejects.toThrow('one metric has the names "first" and "second"');
  await expect(fit(line(), data, options)).rejects.toThrow("fit: one metric has the names");

  const shared = { loss: mse, optimizer: sgd({ lr: 0 }), epochs: 2, validation: data, metrics: { error } };
  const both = await Promise.allSettled([fit(line(), data, shared), fit(line(), data, shared)]);
  expect(both).toMatchObject([
    { value: { error: [14 / 3, 14 / 3], valError: [14 / 3, 14 / 3] } },
    { reason: { message: expect.stringMatching(/fit: the metric "error" is collecting other batches now/) } },
  ]);
  const onStep = () => evaluate(line(), data, { metrics: { error } });
  await expect(fit(line(), data, { ...shared, onStep })).rejects.toThrow('evaluate: the metric "error" is collecting');
  // Between epochs, and after a failure, it is free.
  const between = async () => void (await evaluate(line(), data, { metrics: { error } }));
  expect((await fit(line(), data, { ...shared, onEpoch: between })).valError).toEqual([14 / 3, 14 / 3]);
});

test("names of metrics that are those of other results are refused", async () => {
  const make = metrics.meanAbsoluteError;
  const named = (...names: string[]) => ({ loss: mse, metrics: Object.fromEntries(names.map((n) => [n, make()])) });
  const validated = (...names: string[]) => ({ ...named(...names), validation: data });
  await expect(fit(line(), data, validated("Loss"))).rejects.toThrow(
    'fit: a metric cannot have the name "Loss", and on the validation data "valLoss": it is that of another result',
  );
  for (const names of [
    ["acc", "valAcc"],
    ["valAcc", "acc"],
    ["acc", "Acc"],
  ])
    await expect(fit(line(), data, validated(...names))).rejects.toThrow("it is that of the metric");
  const { acc, valAcc, Loss } = await evaluate(line(), data, named("acc", "valAcc", "Loss"));
  expect([acc, valAcc, Loss]).toEqual([14 / 3, 14 / 3, 14 / 3]);
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
    await expect(fit(line(), data, named(name))).rejects.toThrow("it is that of a property of every object");
    await expect(evaluate(line(), data, named(name))).rejects.toThrow("it is that of a property of every object");
  }
});

test("of lbfgs the first evaluation of each step counts", async () => {
  let [updates, evaluations] = [0, 0];
  const counting: Metric = {
    update: () => void updates++,
    result: async () => updates,
    reset: () => void (updates = 0),
  };
  const bowl = (y: Tensor, target: Tensor) => {
    evaluations++;
    return exp(abs(sub(y, target))).mean();
  };
  const optimizer = () => lbfgs({ iterations: 2 });
  const model = line();
  const options = { loss: bowl, optimizer: optimizer(), epochs: 3, metrics: { counting } };
  const history = await fit(model, data, options);
  expect(evaluations).toBeGreaterThan(12);
  expect(history.counting).toEqual([2, 2, 2]);
  const other = line();
  const again = optimizer();
  for (const mean of history.loss) {
    const losses: number[] = [];
    for await (const loss of minimize((x, y) => bowl(other(x), y), data, again)) losses.push(Number(await loss.item()));
    expect(mean).toBeCloseTo((2 * losses[0]! + losses[1]!) / 3, 4);
  }
  expect(await params(model)[0]!.value.data()).toEqual(await params(other)[0]!.value.data());
});

test("after an epoch validation has been measured, as the types say; lists are empty where nothing was left", async () => {
  const error = metrics.meanAbsoluteError();
  const options = { loss: mse, optimizer: sgd({ lr: 0 }), metrics: { error } };
  const seen: number[] = [];
  await fit(line(), data, {
    ...options,
    validation: data,
    onEpoch: (epoch) => {
      const found: [number, number, number] = [epoch.valLoss, epoch.valError, epoch.error];
      seen.push(...found);
    },
  });
  expect(seen).toEqual([28, 14 / 3, 14 / 3]);
  // @ts-expect-error without validation there is none
  await fit(line(), data, { ...options, onEpoch: ({ valLoss }) => void ((x: number) => x)(valLoss) });
  const controller = new AbortController();
  controller.abort();
  const { signal } = controller;
  const nothing = await fit(line(), data, { ...options, validation: data, signal });
  expect(nothing).toEqual({ epoch: [], loss: [], valLoss: [], error: [], valError: [] });
  expect(nothing.valError.at(-1)).toBe(undefined);
  const [first, called] = [new AbortController(), [] as number[]];
  const interrupted = await fit(line(), data, {
    ...options,
    validation: data,
    signal: first.signal,
    onStep: () => first.abort(),
    onEpoch: ({ epoch }) => called.push(epoch),
  });
  expect(interrupted).toMatchObject({ epoch: [1], error: [3], valError: [], valLoss: [] });
  expect(called).toEqual([]); // that epoch is not done
});

test("what is no metric, and one whose update is asynchronous, are refused", async () => {
  const part = { update: () => undefined, result: async () => 1, reset: () => undefined };
  for (const missing of ["update", "result", "reset"]) {
    const { [missing as "update"]: _, ...rest } = part;
    const wrong = { loss: mse, metrics: { a: rest as Metric } };
    await expect(fit(line(), data, wrong)).rejects.toThrow("a metric has the functions update, result, reset");
    await expect(evaluate(line(), data, wrong)).rejects.toThrow("wanted metrics by name");
  }
  const later = { ...part, update: () => Promise.reject(new Error("later")) as never };
  const measured = { loss: mse, metrics: { later } };
  for (const run of [() => fit(line(), data, measured), () => evaluate(line(), data, measured)])
    await expect(run()).rejects.toThrow('update of the metric "later" is asynchronous');
});

test("the results of all metrics are read at once", async () => {
  let reading = 0;
  let most = 0;
  const slow = (): Metric => ({
    update: () => undefined,
    async result() {
      most = Math.max(most, ++reading);
      await new Promise((resolve) => setTimeout(resolve, 1));
      return reading--;
    },
    reset: () => undefined,
  });
  const results = await evaluate(line(), data, { metrics: { a: slow(), b: slow(), c: slow() } });
  expect(Object.keys(results)).toEqual(["loss", "a", "b", "c"]);
  expect(most).toBe(3);
});

test("a model may take several inputs, and give something else than a tensor", async () => {
  const model = Object.assign((a: Operand, b: Operand) => ({ sum: model.first(a), product: model.second(b) }), {
    first: line(),
    second: line(),
  });
  const batches = [[data[0][0], data[0][0], data[0][1]] as const];
  const loss = (y: { sum: Tensor; product: Tensor }, target: Tensor) => mse(y.sum.add(y.product), target);
  const { loss: values } = await fit(model, batches, { loss, optimizer: sgd({ lr: 0.01 }), epochs: 3 });
  expect(values[0]).toBeCloseTo(2.5);
  expect(values[2]).toBeLessThan(values[1]!);
});

test("data are iterated over once per epoch; what cannot be is refused", async () => {
  function* once() {
    yield* data;
  }
  const options = { loss: mse, optimizer: sgd({ lr: 0 }) };
  expect((await fit(line(), once(), options)).loss).toHaveLength(1);
  await expect(fit(line(), once(), { ...options, epochs: 2 })).rejects.toThrow(
    /fit: the data can be iterated over only once .* 2 epochs/,
  );
  const twice = { ...options, epochs: 2, validation: once() };
  await expect(fit(line(), data, twice)).rejects.toThrow(/validation can be iterated over only once/);
  const again = { [Symbol.iterator]: once };
  expect((await fit(line(), again, { ...options, epochs: 3 })).loss).toHaveLength(3);
  await expect(fit(line(), [], options)).rejects.toThrow("there are no batches in epoch 1");
  await expect(evaluate(line(), [], options)).rejects.toThrow(ArgumentError);
  await expect(predict(line(), [])).rejects.toThrow(ArgumentError);
});

test("wrong arguments are named", async () => {
  const options = { loss: mse };
  // @ts-expect-error a tensor is no batch
  await expect(fit(line(), [tensor([[1]])], options)).rejects.toThrow("fit: wanted batches [x, target]");
  // @ts-expect-error
  expect(() => epochs(line(), data, {})).toThrow("epochs: wanted a function as loss");
  // @ts-expect-error
  expect(() => epochs(line(), data, { ...options, epoch: 3 })).toThrow('there is no option "epoch"');
  expect(() => epochs(line(), data, { ...options, metrics: { loss: metrics.auc() } })).toThrow("the name");
  // @ts-expect-error
  expect(() => epochs(line(), data, { ...options, metrics: { a: 3 } })).toThrow("wanted metrics by name");
  // @ts-expect-error
  expect(() => epochs(line(), 3, options)).toThrow("wanted batches as the data");
});

test.each([
  ["stop", [null, true, 5, "x", []], "options such as { patience: 3 }"],
  ["checkpoints", [null, true, "folder", []], "options such as { folder"],
  ["signal", [null, 5, {}, { aborted: "yes" }, new AbortController()], "a signal, such as"],
  ["progress", [null, 5, "x", []], "true or false, or options such as"],
  ["metrics", [null, 5, "abc", [metrics.auc()]], "metrics by name, as in"],
] as const)("%s of another kind is refused", async (name, wrong, message) => {
  for (const x of wrong)
    await expect(fit(line(), data, { loss: mse, [name]: x })).rejects.toThrow(`fit: wanted ${message}`);
});

test("monitors, and options of checkpoints that fit sets itself, are refused by name", async () => {
  for (const wrong of [1n, 5, {}, null, true])
    for (const name of ["stop", "checkpoints"])
      await expect(fit(line(), data, { loss: mse, [name]: { folder: "run", monitor: wrong } })).rejects.toThrow(
        `fit: wanted the name of a number such as "valLoss", or a function as ${name}.monitor, got`,
      );
  const step = { folder: "run", step: "x" };
  await expect(fit(line(), data, { loss: mse, checkpoints: step })).rejects.toThrow(
    'fit: there is no option "step" in checkpoints: the steps that are counted are epochs',
  );
});

test("what is no loss, and predictions without rows, are refused by name", async () => {
  const model = line();
  const rows: [Tensor, Tensor][] = [[tensor([[1], [2]]), tensor([[1], [2]])]];
  for (const [loss, message] of [
    [() => 1, "evaluate: wanted a tensor of one element as the loss, got number 1"],
    [() => undefined, "evaluate: wanted a tensor of one element as the loss, got undefined"],
    [async () => Promise.reject(new Error("unheard")), "evaluate: the loss is asynchronous; wanted a function that"],
    [(y: Tensor) => y, "evaluate: wanted a tensor of one element as the loss, got a tensor f32[2,1]; reduce it, as"],
  ] as const)
    await expect(evaluate(model, rows, { loss: loss as never })).rejects.toThrow(message);
  expect((await evaluate(model, rows, { loss: (y) => y.sum().reshape([1, 1]) })).loss).toBeTypeOf("number");
  const scalars = [tensor([1, 2]), tensor([3])];
  await expect(predict((x: Tensor) => x.sum(), scalars)).rejects.toThrow(
    "predict: wanted a model that returns a prediction for each row of a batch, along the first axis, got a tensor f32[]",
  );
});

test("layers are in training mode in training, and not in evaluation", async () => {
  const model = Object.assign((x: Operand) => dropout(model.inner(x), 0.5, { seed: 3 }), { inner: line() });
  const optimizer = sgd({ lr: 0 });
  const history = await fit(model, data, { loss: mse, optimizer, validation: data });
  expect(history.valLoss[0]).toBeCloseTo(28);
  expect(history.loss[0]).not.toBeCloseTo(28);
  const frozen = await training(false, () => fit(model, data, { loss: mse, optimizer }));
  expect(frozen.loss[0]).toBeCloseTo(28);
});

test("an aborted signal ends training after the step", async () => {
  const controller = new AbortController();
  const optimizer = sgd({ lr: 0.01 });
  const onStep = (_: Tensor, step: number) => (step === 1 && optimizer.steps === 3 ? controller.abort() : undefined);
  const { signal } = controller;
  const options = { loss: mse, optimizer, epochs: 9, validation: data, signal, onStep };
  const history = await fit(line(), data, options);
  expect(optimizer.steps).toBe(3);
  expect(history.epoch).toEqual([1, 2]);
  expect(history.valLoss).toHaveLength(1);
  expect((await fit(line(), data, options)).epoch).toEqual([]);
});

test("a callback that throws, or a wrong label, leaves the model with the steps before", async () => {
  const optimizer = sgd({ lr: 0.01 });
  const error = metrics.meanAbsoluteError();
  const failing = { loss: mse, optimizer, epochs: 3, metrics: { error } };
  const onEpoch = () => {
    throw new Error("mine");
  };
  await expect(fit(line(), data, { ...failing, onEpoch })).rejects.toThrow("mine");
  expect(optimizer.steps).toBe(2);
  const onStep = () => onEpoch();
  await expect(fit(line(), data, { ...failing, onStep })).rejects.toThrow("mine");
  expect(optimizer.steps).toBe(3);
  expect(await error.result()).toBeNaN();

  const model = Linear(1, 2, { init: constant(0), bias: false });
  const labels = (n: number) => [tensor([[1]]), tensor([n], { dtype: "i32" })] as const;
  const counted = adam();
  const accuracy = metrics.accuracy();
  const run = fit(model, [labels(0), labels(7), labels(1)], {
    loss: crossEntropy,
    optimizer: counted,
    metrics: { accuracy },
  });
  await expect(run).rejects.toThrow(IndexError);
  expect(counted.steps).toBe(1);
  expect(await params(model)[0]!.value.array()).toEqual([[expect.closeTo(0.001, 6)], [expect.closeTo(-0.001, 6)]]);
});

test("onEpoch ends training with stop, and early stopping restores the best", async () => {
  const onEpoch = ({ epoch }: { epoch: number }) => (epoch === 2 ? "stop" : undefined);
  expect((await fit(line(), data, { loss: mse, epochs: 9, onEpoch })).epoch).toEqual([1, 2]);

  // The rate grows until it diverges.
  const model = line();
  const optimizer = sgd({ lr: (step) => (step < 4 ? 0.02 : 0.2) });
  const stop = { patience: 2, restore: true };
  const history = await fit(model, data, { loss: mse, optimizer, epochs: 50, validation: data, stop });
  const best = history.valLoss.indexOf(Math.min(...history.valLoss));
  expect(history.valLoss).toHaveLength(best + 3);
  const { loss } = await evaluate(model, data, { loss: mse });
  expect(loss).toBe(history.valLoss[best]);
});

test("the best values are restored however training ends, but by an error", async () => {
  const diverging = () => sgd({ lr: (step) => (step < 3 ? 0.01 : 0.1) });
  const ends = {
    onEpoch: () => ({ onEpoch: ({ epoch }: { epoch: number }) => (epoch === 4 ? "stop" : undefined) }),
    signal: (controller: AbortController) => ({
      signal: controller.signal,
      onEpoch: ({ epoch }: { epoch: number }) => (epoch === 4 ? controller.abort() : undefined),
    }),
    "in an epoch": (controller: AbortController) => ({
      signal: controller.signal,
      onStep: (_: Tensor, step: number) => (steps++ === 7 && step === 2 ? controller.abort() : undefined),
    }),
    epochs: () => ({ epochs: 4 }),
  };
  let steps = 0;
  for (const end of Object.values(ends)) {
    steps = 0;
    const model = line();
    const other = line();
    const options = { loss: mse, epochs: 50, validation: data, ...end(new AbortController()) };
    const { valLoss } = await fit(model, data, { ...options, optimizer: diverging(), stop: { restore: true } });
    const best = Math.min(...valLoss);
    expect(best).toBeLessThan(valLoss.at(-1)!);
    expect((await evaluate(model, data, { loss: mse })).loss).toBe(best);
    // A tree of its own.
    steps = 0;
    const again = end(new AbortController());
    const stop = { restore: { other } };
    await fit((z: Operand) => other(z), data, { ...options, ...again, optimizer: diverging(), stop });
    expect((await evaluate(other, data, { loss: mse })).loss).toBe(best);
  }
  // @ts-expect-error
  await expect(fit(line(), data, { loss: mse, stop: { restore: "yes" } })).rejects.toThrow(
    "fit: wanted true or false, or a model, or an object such as { model, optimizer } as stop.restore, got",
  );
});

test("the numbers of each epoch are logged, and progress is shown", async () => {
  const noted: unknown[] = [];
  const shown: string[] = [];
  const display = {
    update: () => {},
    close: (state: { name?: string | undefined; count: number }) => void shown.push(`${state.name} ${state.count}`),
  };
  const log = { scalars: (step: number, values: object) => void noted.push([step, Object.keys(values)]) };
  await fit(line(), data, { loss: mse, epochs: 2, validation: data, log, progress: { display } });
  expect(noted).toEqual([1, 2].map((step) => [step, ["steps", "loss", "valLoss"]]));
  expect(shown).toEqual(["epoch 1/2 2", "epoch 2/2 2"]);
});

test("a monitor that is none of the numbers is refused", async () => {
  const wrong = { loss: mse, epochs: 2, stop: { monitor: "valAccuracy" } };
  await expect(fit(line(), data, wrong)).rejects.toThrow('"valAccuracy" } is none of epoch, steps, loss, interrupted');
  const right = { ...wrong, stop: { monitor: ({ loss }: { loss: number }) => loss } };
  expect((await fit(line(), data, right)).epoch).toEqual([1, 2]);
  // @ts-expect-error
  await expect(fit(line(), data, { ...wrong, stop: { patiense: 3 } })).rejects.toThrow(
    'earlyStopping: there is no option "patiense"',
  );
});

test("what is better follows the metric that is monitored", async () => {
  // R² grows as the loss falls.
  const run = { loss: mse, optimizer: sgd({ lr: 0.005 }), epochs: 6, validation: data };
  const measured = { r2: metrics.r2(), error: metrics.meanAbsoluteError() };
  for (const monitor of ["r2", "valR2", "error", "valError", "loss", "valLoss"]) {
    const options = { ...run, optimizer: sgd({ lr: 0.005 }), metrics: measured, stop: { monitor, patience: 1 } };
    expect((await fit(line(), data, options)).epoch).toHaveLength(6);
    const mode = monitor.endsWith("2") ? "min" : "max";
    const against = { ...options, optimizer: sgd({ lr: 0.005 }), stop: { monitor, patience: 1, mode } } as const;
    expect((await fit(line(), data, against)).epoch).toHaveLength(2);
  }
  const mine = { update: () => undefined, result: async () => 1, reset: () => undefined };
  for (const monitor of ["mine", "valMine"]) {
    const options = { ...run, metrics: { mine }, stop: { monitor, patience: 2 } };
    await expect(fit(line(), data, options)).rejects.toThrow(
      `fit: { monitor: "${monitor}" } is of a metric that does not say which is better; pass { mode: "max" }`,
    );
    const saved = { ...run, metrics: { mine }, checkpoints: { folder: "never", monitor } };
    await expect(fit(line(), data, saved)).rejects.toThrow("does not say which is better");
    const told = { ...options, stop: { monitor, patience: 2, mode: "max" } } as const;
    expect((await fit(line(), data, told)).epoch).toHaveLength(3);
    const telling = { ...options, metrics: { mine: { ...mine, mode: "max" } } } as const;
    expect((await fit(line(), data, telling)).epoch).toHaveLength(3);
  }
});

test("epochs is a loop that others wrap", async () => {
  const seen: number[] = [];
  const run = epochs(line(), data, { loss: mse, optimizer: sgd({ lr: 0 }), epochs: 20 });
  expect(run.length).toBe(20);
  for await (const { epoch } of takeFirst(earlyStopping(run, { monitor: ({ loss }) => loss, patience: 3 }), 9))
    seen.push(epoch);
  expect(seen).toEqual([1, 2, 3, 4]);
  expect([run.epoch, run.length]).toEqual([4, 16]); // iterating again goes on
  expect((await run).epoch).toBe(20);
  expect(run.length).toBe(0);
});

test("predict gives all predictions as one tensor, also of batches without targets", async () => {
  const model = line();
  expect(await (await predict(model, data, { target: true })).array()).toEqual([[1], [2], [4]]);
  const inputs = data.map(([x]) => x);
  expect(await (await predict(model, inputs)).array()).toEqual([[1], [2], [4]]);
  const many = Array.from({ length: 37 }, (_, k) => tensor([[k]]));
  const all = await predict(model, many);
  expect(await all.array()).toEqual(many.map((_, k) => [k]));
});

test("what is measured does not depend on how the data are cut", async () => {
  const [x, y] = [cpu.randn([50, 3], { seed: 1 }), cpu.randint([50], { low: 0, high: 4, seed: 2 })];
  seed(1);
  const model = Chain(Linear(3, 8), relu, Linear(8, 4));
  const measure = () => ({ accuracy: metrics.accuracy(), f1: metrics.f1() });
  const [whole, parts] = await Promise.all(
    [50, 7].map((size) => {
      const batches = minibatch([x, y], size, { partial: true });
      return evaluate(model, batches, { loss: crossEntropy, metrics: measure() });
    }),
  );
  expect(parts!.loss).toBeCloseTo(whole!.loss, 5);
  expect([parts!.accuracy, parts!.f1]).toEqual([whole!.accuracy, whole!.f1]);
});

const backends = (
  [
    ["cpu", open],
    ["webgpu", openGpu],
  ] as const
).filter(([name]) => longOn(name));

test.each(backends)("on %s it learns, and memory stays flat", async (_, opened) => {
  const backend = await opened({ seed: 1 });
  const x = backend.randn([24, 2]);
  const y = x.take(0, { axis: 1 }).greater(0).cast("i32");
  seed(1);
  const model = Chain(Linear(2, 4), relu, Linear(4, 2));
  const batches = minibatch([x, y], 10, { backend, partial: true, shuffle: true });
  const used: number[] = [];
  const onEpoch = () => void used.push(backend.stats().live);
  const optimizer = adam({ lr: 0.05 });
  const options = { loss: crossEntropy, optimizer, epochs: 12, validation: batches, onEpoch };
  const history = await fit(model, batches, { ...options, metrics: { accuracy: metrics.accuracy() } });
  expect(history.valAccuracy.at(-1)).toBeGreaterThan(0.85);
  expect(Math.max(...used.slice(6))).toBeLessThanOrEqual(Math.max(...used.slice(0, 6)));
});
