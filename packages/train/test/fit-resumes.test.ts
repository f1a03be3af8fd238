// Resuming `fit` to the bit: after whole epochs, in the middle of one and at its end, with dropout and early stopping.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cycle, minibatch, progress, shuffle, takeFirst } from "@weft/data";
import { Chain, Dropout, Linear, mse, place, readMetadata, seed } from "@weft/nn";
import { adam, minimize, momentum, reduceOnPlateau } from "@weft/optim";
import { relu, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import { checkpoints, epochs, evaluate, evaluateEvery, fit, metrics, predict } from "../src/index.node.ts";
import { batches, bits, build, cpu, fresh, x, y, type Run } from "./small-run.ts";

test("fit saves after epochs and resumes", async () => {
  const folder = fresh();
  const options = (run: Run, epochs: number) => ({
    loss: mse,
    optimizer: run.optimizer,
    validation: batches,
    metrics: { error: metrics.meanAbsoluteError() },
    epochs,
    checkpoints: { folder, resume: true, best: true },
  });
  const whole = build();
  const all = await fit(whole.model, batches, { ...options(whole, 4), checkpoints: { folder: fresh() } });
  const [first, second] = [build(), build()];
  await fit(first.model, batches, options(first, 2));
  const history = await fit(second.model, batches, options(second, 4));
  expect(history.epoch).toEqual([3, 4]);
  expect(history.valLoss).toEqual(all.valLoss.slice(2));
  expect(history.valError).toEqual(all.valError.slice(2));
  expect(await bits(second)).toEqual(await bits(whole));
  const { best, bestStep } = await readMetadata(join(folder, "best.safetensors"));
  expect(best).toBe(Math.min(...all.valLoss));
  expect(all.epoch[all.valLoss.indexOf(best as number)]).toBe(bestStep);
  expect(existsSync(join(folder, "last.safetensors"))).toBe(true);
});

/** Trains on shuffled batches, four an epoch, until it has made so many steps. */
async function shuffled({ model, optimizer }: Run, epochs: number, folder: string, until = Infinity) {
  const controller = new AbortController();
  const data = minibatch([x, y], 6, { backend: cpu, shuffle: true, seed: 3, partial: true });
  const onStep = () => void (optimizer.steps === until && controller.abort());
  const { signal } = controller;
  return fit(model, data, { loss: mse, optimizer, epochs, signal, onStep, checkpoints: { folder, resume: true } });
}

test("an epoch that was interrupted is not done when fit resumes", async () => {
  const folder = fresh();
  expect((await shuffled(build(), 3, folder, 6)).epoch).toEqual([1, 2]);
  expect((await shuffled(build(), 3, folder)).epoch).toEqual([2, 3]);
});

/** Trains with dropout on a stream that begins anew, as in a new process; with early stopping that restores the best. */
async function withDropout(epochs: number, folder: string, { until = Infinity, patience = 2 } = {}) {
  cpu.seed(5);
  seed(1);
  const model = Chain(Linear(3, 4), Dropout(0.5), relu, Linear(4, 1));
  const optimizer = adam({ lr: 0.05 });
  const controller = new AbortController();
  const onStep = () => void (optimizer.steps === until && controller.abort());
  const { signal } = controller;
  const data = minibatch([x, y], 6, { backend: cpu, shuffle: true, seed: 3, partial: true });
  const history = await fit(model, data, {
    loss: mse,
    optimizer,
    epochs,
    signal,
    onStep,
    validation: batches,
    checkpoints: { folder, resume: true },
    stop: { patience, restore: true },
  });
  return { model, optimizer, history };
}

test("fit resumes the random numbers of dropout, and what early stopping knows", async () => {
  const whole = await withDropout(60, fresh());
  const epochs = whole.history.epoch.length;
  expect(epochs).toBeLessThan(60);
  for (const until of [[1], [7, 10], [4 * epochs - 5]]) {
    const folder = fresh();
    for (const step of until) await withDropout(60, folder, { until: step });
    const resumed = await withDropout(60, folder);
    expect(resumed.optimizer.steps).toBe(whole.optimizer.steps);
    expect(resumed.history.valLoss).toEqual(whole.history.valLoss.slice(-resumed.history.valLoss.length));
    expect(await bits(resumed)).toEqual(await bits(whole));
    const over = await withDropout(60, folder); // the run has ended: the model is the one that it ended with
    expect(over.history.epoch).toEqual([]);
    expect(await bits(over)).toEqual(await bits(whole));
  }
});

test("fit that has nothing left to do gives the model the values that were saved", async () => {
  const folder = fresh();
  const [first, second] = [build(), build()];
  const options = ({ optimizer }: Run) => ({ loss: mse, optimizer, epochs: 2, checkpoints: { folder, resume: true } });
  await fit(first.model, batches, options(first));
  const history = await fit(second.model, batches, options(second));
  expect(history).toMatchObject({ epoch: [], loss: [] });
  expect(await bits(second)).toEqual(await bits(first));
  expect(second.optimizer.steps).toBe(first.optimizer.steps);
  const shuffledBatches = minibatch([x, y], 5, { shuffle: true });
  const third = build();
  await fit(third.model, shuffledBatches, { ...options(third), checkpoints: { folder: fresh(), resume: true } });
  expect(shuffledBatches.position).toMatchObject({ pass: 2, batch: 0 });
});

test("fit resumes what onEpoch does, such as telling a schedule, also where an epoch was interrupted", async () => {
  const train = async (epochs: number, folder: string, until = Infinity) => {
    const { model } = build();
    const rate = reduceOnPlateau(0.1, { patience: 0, factor: 0.5 });
    const optimizer = momentum({ lr: rate });
    const controller = new AbortController();
    const onStep = () => void (optimizer.steps === until && controller.abort());
    const scales: number[] = [];
    const onEpoch = ({ epoch }: { epoch: number }) => {
      rate.observe(epoch === 3 ? -1 : 1);
      scales.push(rate.state.scale);
      return epoch === 5 ? "stop" : undefined;
    };
    const data = minibatch([x, y], 6, { backend: cpu, shuffle: true, seed: 3, partial: true });
    const { signal } = controller;
    const saved = { folder, resume: true, best: true };
    await fit(model, data, { loss: mse, optimizer, epochs, signal, onStep, onEpoch, checkpoints: saved });
    return { model, scales };
  };
  const whole = await train(9, fresh());
  expect(whole.scales).toEqual([1, 0.5, 0.5, 0.25, 0.125]);
  const folder = fresh();
  const parts = [await train(2, folder), await train(9, folder, 10), await train(4, folder), await train(9, folder)];
  expect(parts.flatMap(({ scales }) => scales)).toEqual(whole.scales);
  expect(await bits(parts[3]!)).toEqual(await bits(whole));
});

test("epochs in the tree go on with what is left of them", async () => {
  const train = async (folder: string, n: number, until = Infinity) => {
    const run = build();
    const { model, optimizer } = run;
    const controller = new AbortController();
    const onStep = () => void (optimizer.steps === until && controller.abort());
    const data = minibatch([x, y], 6, { backend: cpu, shuffle: true, seed: 3, partial: true });
    const inner = epochs(model, data, { loss: mse, optimizer, epochs: n, signal: controller.signal, onStep });
    const saved = checkpoints(inner, { model: { ...run, data, inner }, folder, every: 1, resume: true });
    const seen: unknown[] = [];
    for await (const { epoch } of saved) seen.push([epoch, inner.epoch, inner.length]);
    return { model, seen };
  };
  const whole = await train(fresh(), 6);
  expect(whole.seen).toEqual([1, 2, 3, 4, 5, 6].map((epoch) => [epoch, epoch, 6]));
  const folder = fresh();
  // oxfmt-ignore
  expect((await train(folder, 3)).seen).toEqual([[1, 1, 3], [2, 2, 3], [3, 3, 3]]);
  // oxfmt-ignore
  expect((await train(folder, 6, 18)).seen).toEqual([[4, 4, 3], [5, 4, 3]]);
  const last = await train(folder, 6);
  // oxfmt-ignore
  expect(last.seen).toEqual([[5, 5, 2], [6, 6, 2]]);
  expect(await bits(last)).toEqual(await bits(whole));
  expect((await train(folder, 6)).seen).toEqual([]);
});

test("fit does not save an epoch whose onEpoch throws", async () => {
  const folder = fresh();
  const train = async (onEpoch: (epoch: { epoch: number }) => void) => {
    const { model, optimizer } = build();
    return fit(model, batches, { loss: mse, optimizer, epochs: 3, onEpoch, checkpoints: { folder, resume: true } });
  };
  const failing = train(({ epoch }) => {
    if (epoch === 2) throw new Error("mine");
  });
  await expect(failing).rejects.toThrow("mine");
  expect((await train(() => {})).epoch).toEqual([2, 3]);
});

// Where minibatches say how far a pass has come.
test("fit resumes in the order of a shuffle, in the middle of an epoch", async () => {
  const [whole, first, second, third] = [build(), build(), build(), build()];
  await shuffled(whole, 4, fresh());
  const folder = fresh();
  await shuffled(first, 2, folder);
  await shuffled(second, 4, folder, 10);
  await shuffled(third, 4, folder);
  expect(third.optimizer.steps).toBe(16);
  expect(await bits(third)).toEqual(await bits(whole));
});

test("fit resumes after an abort at the last step of an epoch, with the same bits", async () => {
  const whole = await withDropout(3, fresh(), { patience: 9 });
  for (const until of [4, 8, 12]) {
    const folder = fresh();
    await withDropout(3, folder, { until, patience: 9 });
    const resumed = await withDropout(3, folder, { patience: 9 });
    // The epoch has no steps left, but its evaluation.
    expect(resumed.history.epoch).toEqual([1, 2, 3].slice(until / 4 - 1));
    expect(resumed.history.loss[0]).toBeNaN();
    expect(resumed.history.valLoss).toEqual(whole.history.valLoss.slice(until / 4 - 1));
    expect(resumed.optimizer.steps).toBe(12);
    expect(await bits(resumed)).toEqual(await bits(whole));
  }
  // Metrics of no batches, too.
  const folder = fresh();
  const measure = async (until: number) => {
    const { model, optimizer } = build();
    const controller = new AbortController();
    const onStep = () => void (optimizer.steps === until && controller.abort());
    const named = { error: metrics.meanAbsoluteError(), r2: metrics.r2(), matrix: metrics.confusionMatrix() };
    const { signal } = controller;
    const data = minibatch([x, y.greater(0).cast("f32")], 5, { backend: cpu });
    const options = { loss: mse, optimizer, epochs: 1, signal, onStep, validation: data, metrics: named };
    return fit(model, data, { ...options, checkpoints: { folder, resume: true } });
  };
  await measure(4);
  expect(await measure(4)).toMatchObject({ epoch: [1], loss: [NaN], error: [NaN], valError: [expect.any(Number)] });
  // Without anything left to compute, the model has the values that were saved, on the backend of the data.
  const last = fresh();
  const first = build();
  const second = build();
  await shuffled(first, 1, last, 4);
  expect(await shuffled(second, 1, last)).toMatchObject({ epoch: [1], loss: [NaN] });
  expect(await bits(second)).toEqual(await bits(first));
});

/** The same on batches of numbers, of which the model makes tensors; `placed` says whether it has a backend before. */
async function onNumbers(epochs: number, folder: string, { placed = false, p = 0.5 } = {}) {
  cpu.seed(5);
  seed(1);
  const drop = Dropout(p);
  const inner = Linear(2, 1);
  const model = Object.assign((a: number[][]) => inner(drop(cpu.tensor(a))), { inner });
  if (placed) await place(model, cpu);
  const optimizer = adam({ lr: 0.05 });
  const data = [[[[1, 2], [3, 4]], [[1], [2]]], [[[5, 6], [7, 8]], [[3], [4]]]] as [number[][], number[][]][]; // prettier-ignore
  const loss = (a: Tensor, target: number[][]) => mse(a, cpu.tensor(target));
  const history = await fit(model, data, { loss, optimizer, epochs, checkpoints: { folder, resume: true } });
  return { model, optimizer, history };
}

test("fit refuses to resume random numbers where the model draws before its backend is known", async () => {
  const whole = await onNumbers(3, fresh());
  const folder = fresh();
  await onNumbers(1, folder);
  await expect(onNumbers(3, folder)).rejects.toThrow(
    "fit: the random numbers cannot be resumed: the model drew from the stream of its backend before that backend was " +
      "known, which no batch and no parameter had told. Call place(model, backend) of @weft/nn before fit, or pass " +
      "batches of tensors",
  );
  // Nothing was lost: that goes on with the same file.
  const resumed = await onNumbers(3, folder, { placed: true });
  expect(resumed.history.epoch).toEqual([2, 3]);
  expect(await bits(resumed)).toEqual(await bits(whole));
  // Without random numbers there is nothing to refuse.
  const plain = fresh();
  await onNumbers(1, plain, { p: 0 });
  expect((await onNumbers(3, plain, { p: 0 })).history.epoch).toEqual([2, 3]);
});

/** Trains with early stopping on losses that get no better after the third epoch. */
async function stopping(run: Run, epochs: number, folder: string, more: object = {}) {
  const validation = [[x, y]] as const;
  let epoch = 0;
  const monitor = () => Math.abs(3 - (epoch = run.optimizer.steps / 4));
  const { model, optimizer } = run;
  const stop = { patience: 3, restore: true, monitor };
  const saved = { folder, resume: true, ...more };
  const history = await fit(model, batches, { loss: mse, optimizer, epochs, validation, stop, checkpoints: saved });
  expect(epoch).toBeLessThanOrEqual(6);
  return history.epoch;
}

test("fit resumes early stopping: what was best, its values, and how long ago it was", async () => {
  const whole = build();
  expect(await stopping(whole, 20, fresh())).toEqual([1, 2, 3, 4, 5, 6]);
  for (const every of [1, 4])
    for (const at of [2, 4, 5]) {
      const folder = fresh();
      await stopping(build(), at, folder, { every });
      const again = build();
      const rest = [3, 4, 5, 6].filter((epoch) => epoch > at);
      expect(await stopping(again, 20, folder, { every })).toEqual(rest);
      expect(await bits(again)).toEqual(await bits(whole));
      // It has ended: a program that is started once more trains no more, and has the same model.
      const ended = build();
      expect(await stopping(ended, 20, folder, { every })).toEqual([]);
      await ended.model(x).data();
      expect(await bits(ended)).toEqual(await bits(whole));
    }
});

test("stop may be added to a run that is resumed, in both modes; with restore it says what is missing", async () => {
  const train = async (folder: string, epochs: number, stop?: object) => {
    const { model, optimizer } = build();
    const measured = { loss: mse, optimizer, epochs, metrics: { error: metrics.meanAbsoluteError() } };
    const history = await fit(model, batches, {
      ...measured,
      ...(stop && { stop }),
      checkpoints: { folder, resume: true },
    });
    return history.epoch;
  };
  const value = [5, 6, 7];
  for (const mode of ["min", "max"] as const) {
    const folder = fresh();
    await train(folder, 1);
    // What grows is better or worse, beginning with the first measurement.
    const stop = { patience: 1, mode, monitor: ({ epoch }: { epoch: number }) => value[epoch - 2] };
    expect(await train(folder, 4, stop)).toEqual(mode === "min" ? [2, 3] : [2, 3, 4]);
    // And left out again.
    expect(await train(folder, 5)).toEqual(mode === "min" ? [4, 5] : [5]);
  }
  const [without, restoring] = [fresh(), fresh()];
  await train(without, 1, { monitor: "loss" });
  await train(restoring, 1, { monitor: "loss", restore: true });
  await expect(train(without, 2, { restore: true })).rejects.toThrow(
    /^fit: .*last.safetensors is of a run with another stop\.restore, which keeps the best values: resume it with the same, .*missing stopping\.bestValues/s,
  );
  for (const stop of [undefined, {}])
    await expect(train(restoring, 2, stop)).rejects.toThrow(/another stop\.restore.*unexpected stopping\.bestValues/s);
  expect(await train(restoring, 2, { restore: true })).toEqual([2]);
  // Another model is another error, also where both keep best values.
  const wider = Chain(Linear(3, 5), relu, Linear(5, 1), Linear(1, 1));
  const saved = { folder: restoring, resume: true };
  const other = fit(wider, batches, {
    loss: mse,
    epochs: 3,
    stop: { monitor: "loss", restore: true },
    checkpoints: saved,
  });
  await expect(other).rejects.toThrow(/^load: .*missing.*stopping\.bestValues/s);
});

test("the training batches may be evaluated and predicted in the middle of an epoch", async () => {
  const train = async (total: number, folder: string, looks: boolean) => {
    const { model, optimizer } = build();
    const batches = minibatch([x, y], 6, { backend: cpu, shuffle: true, partial: true });
    const left = takeFirst(cycle(batches), () => total - optimizer.steps);
    const looked = evaluateEvery(
      minimize((x: Tensor, y: Tensor) => mse(model(x), y), left, optimizer),
      3,
      async () => {
        if (!looks) return 0;
        (await predict(model, shuffle(batches), { target: true })).release();
        return (await evaluate(model, batches, { loss: mse })).loss;
      },
    );
    const saved = { model: { model, optimizer, batches, looked }, folder, every: total, resume: true };
    for await (const _ of checkpoints(looked, saved)) continue;
    const { pass, batch } = batches.position;
    return [await bits({ model }), pass, batch];
  };
  const folder = fresh();
  const whole = await train(11, fresh(), true);
  expect(await train(11, fresh(), false)).toEqual(whole);
  await train(6, folder, true); // saved just after an evaluation
  expect(await train(11, folder, true)).toEqual(whole);
});

test.each([
  ["minibatch", false],
  ["a sequence of it", true],
])("batches that draw random numbers resume with a model that has no backend yet: %s", async (_, wrapped) => {
  const train = async (epochs: number, folder: string) => {
    cpu.seed(9);
    const silent = { stream: { write: () => undefined } };
    const { model, optimizer } = build();
    const noisy = minibatch([x, y], 6, {
      backend: cpu,
      transform: ([a, b]: readonly [Tensor, Tensor]) => [a.add(cpu.randn(a.shape)), b] as const,
    });
    await fit(model, wrapped ? progress(noisy, silent) : noisy, {
      loss: mse,
      optimizer,
      epochs,
      checkpoints: { folder, resume: true },
    });
    return [await bits({ model }), cpu.stream.counter];
  };
  const folder = fresh();
  const whole = await train(2, fresh());
  await train(1, folder);
  expect(await train(2, folder)).toEqual(whole);
});
