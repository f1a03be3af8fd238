// Checkpoints: which files, what is in them, resuming to the bit, failures in the middle.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { param, StateError } from "@weft/autograd";
import { takeFirst } from "@weft/data";
import { FileError, FormatError, Linear, load, mse, params, readMetadata, save } from "@weft/nn";
import { minimize } from "@weft/optim";
import { add, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import { checkpoints, earlyStopping, fit, jsonl, logTo, stopOnNaN, tensorBoard } from "../src/index.node.ts";
import { batches, bits, build, cpu, fresh, x, type Run } from "./small-run.ts";

const steps = ({ model, optimizer }: Run) => minimize((a: Tensor, b: Tensor) => mse(model(a), b), batches, optimizer);
async function drain<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

test("writes the last, the best, and those that are kept", async () => {
  const folder = fresh();
  const run = build();
  await run.model(x).data();
  const values = [5, 4, 6, 3, 3, 7, 2.5];
  const saving = checkpoints(values, { model: run, folder, every: 2, keep: 2, best: true });
  expect(saving.length).toBe(7);
  expect(await drain(saving)).toEqual(values);
  const files = ["best.safetensors", "last.safetensors", "step-00000006.safetensors", "step-00000007.safetensors"];
  expect(readdirSync(folder).toSorted()).toEqual(files);
  // Measured at 2, 4, 6, and at the end.
  expect({ ...(await readMetadata(join(folder, "best.safetensors"))) }).toMatchObject({
    step: 7,
    best: 2.5,
    bestStep: 7,
  });
  expect(saving).toMatchObject({ step: 7, best: 2.5, bestStep: 7 });
  const second = checkpoints([9, 1], {
    model: run,
    folder: fresh(),
    every: 1,
    mode: "max",
    monitor: (item) => item * 2,
  });
  await drain(second);
  expect(second).toMatchObject({ best: 18, bestStep: 1 });
});

test("a run that is resumed continues with the same bits", async () => {
  const whole = build();
  for (let pass = 0; pass < 2; pass++) for await (const _ of steps(whole));

  const folder = fresh();
  const first = build();
  await drain(checkpoints(steps(first), { model: first, folder, every: 3, resume: true }));
  const second = build();
  const resumed = checkpoints(steps(second), { model: second, folder, resume: true });
  await drain(resumed);
  expect(resumed.step).toBe(8);
  expect(second.optimizer.steps).toBe(8);
  expect(await bits(second)).toEqual(await bits(whole));
});

test("a loop that is left is saved; one that fails is not", async () => {
  const folder = fresh();
  const run = build();
  for await (const _ of takeFirst(checkpoints(steps(run), { model: run, folder }), 3));
  expect((await readMetadata(join(folder, "last.safetensors")))["step"]).toBe(3);
  const again = await load(join(folder, "last.safetensors"), build());
  await again.model(x).data(); // now its parameters have a backend
  expect(await bits(again)).toEqual(await bits(run));

  const other = fresh();
  async function* failing() {
    yield* steps(run);
    throw new Error("mine");
  }
  await expect(drain(checkpoints(failing(), { model: run, folder: other }))).rejects.toThrow("mine");
  expect(readdirSync(other)).toEqual([]);
});

test("errors: a folder that is a file, a damaged file, another model, wrong options", async () => {
  const run = build();
  const folder = fresh();
  await drain(checkpoints(steps(run), { model: run, folder }));
  const file = join(folder, "last.safetensors");
  await expect(drain(checkpoints(steps(run), { model: run, folder: file }))).rejects.toThrow(/EEXIST|ENOTDIR/);
  const other = { model: Linear(3, 1) };
  await expect(drain(checkpoints([1], { model: other, folder, resume: true }))).rejects.toThrow(StateError);
  writeFileSync(file, "cut");
  await expect(drain(checkpoints([1], { model: run, folder, resume: true }))).rejects.toThrow(FormatError);
  // @ts-expect-error
  expect(() => checkpoints([1], { folder })).toThrow("checkpoints: wanted a model");
  // @ts-expect-error
  expect(() => checkpoints([1], { model: run })).toThrow("checkpoints: wanted a string as folder");
  await expect(drain(checkpoints([{}], { model: run, folder, best: true }))).rejects.toThrow("say what to measure");
});

test("a folder where none can be made is an error, and does not hang", async () => {
  const run = build();
  for (const folder of ["/proc/nope", "/proc/nope/run", "/dev/null/run"]) {
    const saving = drain(checkpoints(steps(run), { model: run, folder }));
    await expect(saving).rejects.toThrow(`checkpoints: could not make the folder ${folder}`);
    await expect(drain(logTo([1], jsonl(join(folder, "run.jsonl"))))).rejects.toThrow(FileError);
    await expect(drain(logTo([1], tensorBoard(folder)))).rejects.toThrow(FileError);
  }
  const deep = join(fresh(), "a", "b");
  await Promise.all([1, 2].map(() => drain(checkpoints([1], { model: run, folder: deep }))));
  expect(readdirSync(deep)).toEqual(["last.safetensors"]);
});

test("what cannot be saved ends the loop, and the model is what it was", async () => {
  const folder = fresh();
  const run = build();
  const blocking = (async function* () {
    for await (const loss of steps(run)) {
      rmSync(folder, { recursive: true });
      writeFileSync(folder, "a file in place of the folder");
      yield loss;
    }
  })();
  await expect(drain(checkpoints(blocking, { model: run, folder, every: 1 }))).rejects.toThrow(FileError);
  expect(run.optimizer.steps).toBe(1);
});

test("what has no parameters is refused before the first step", async () => {
  const { model, optimizer } = build();
  const hidden = (a: Tensor) => model(a);
  const message = /^checkpoints: what should be saved has no parameters, or hides them/;
  const options = { loss: mse, optimizer, checkpoints: { folder: fresh() } };
  await expect(fit(hidden, batches, options)).rejects.toThrow(message);
  const saved = { folder: fresh(), model: { step: 3 } };
  await expect(fit(model, batches, { ...options, checkpoints: saved })).rejects.toThrow(message);
  await expect(drain(checkpoints([1], { model: {}, folder: fresh() }))).rejects.toThrow(message);
  expect(optimizer.steps).toBe(0);
});

test("early stopping goes on where a tree was saved", async () => {
  const folder = fresh();
  const losses = [5, 4, 6, 7, 8];
  const make = () => {
    const run = build();
    const steps = losses.map((loss) => ({ loss }));
    return { ...run, stopping: earlyStopping(steps, { restore: run.model, monitor: ({ loss }) => loss, patience: 3 }) };
  };
  const first = make();
  await first.model(x).data();
  for await (const { loss } of checkpoints(first.stopping, { model: first, folder, every: 1 })) {
    if (loss === 5) params(first.model)[0]!.value = cpu.zeros([4, 3]); // before 4 is measured
    if (loss === 4) params(first.model)[0]!.value = cpu.ones([4, 3]);
    if (loss === 6) break;
  }
  const second = make();
  const run = checkpoints(second.stopping, { model: second, folder, resume: true });
  expect((await drain(run)).map(({ loss }) => loss)).toEqual([5, 4]);
  expect(second.stopping).toMatchObject({ step: 5, best: 4, bestStep: 2, waited: 3 });
  await second.model(x).data();
  expect(Array.from(await params(second.model)[0]!.value.data())).toEqual(new Array(12).fill(0));
  expect(await drain(second.stopping)).toEqual([]);
});

test("a file that does not say at which step it was is refused before anything changes", async () => {
  for (const step of [undefined, "abc", "", -1, 1.5, true, NaN]) {
    const folder = fresh();
    const run = build();
    await run.model(x).data();
    const file = join(folder, "last.safetensors");
    mkdirSync(folder, { recursive: true });
    await save(file, run, step === undefined ? {} : { step });
    const other = build();
    params(other.model)[0]!.value = cpu.ones([4, 3]);
    const before = await other.model(x).data();
    const resumed = checkpoints(steps(other), { model: other, folder, resume: true });
    await expect(drain(resumed)).rejects.toThrow(
      /last\.safetensors does not say .* wanted a non-negative integer as step/,
    );
    expect(await other.model(x).data()).toEqual(before);
    expect(resumed.step).toBe(0);
  }
  for (const [name, x] of [
    ["best", "good"],
    ["bestStep", -2],
  ] as const) {
    const folder = fresh();
    mkdirSync(folder, { recursive: true });
    await save(join(folder, "last.safetensors"), build(), { step: 1, [name]: x });
    const run = build();
    await expect(drain(checkpoints([1], { model: run, folder, resume: true }))).rejects.toThrow(`as ${name} in`);
  }
});

test("the last file has the latest values, also where a loop inside restores the best, after any number of steps", async () => {
  for (const every of [1, 2, 3, 4, 100])
    for (const through of [
      (items: AsyncIterable<number>) => items,
      (items: AsyncIterable<number>) => logTo(items, []),
    ]) {
      const folder = fresh();
      const run = build();
      await run.model(x).data();
      const weight = params(run.model)[0]!;
      const losses = (async function* () {
        for (const loss of [5, 1, 6, 7]) {
          weight.value = cpu.full([4, 3], loss);
          yield loss;
        }
      })();
      const stopping = earlyStopping(losses, { restore: run.model, patience: 9 });
      const saved = checkpoints(through(stopping), { model: { ...run, stopping }, folder, every, best: true });
      expect(await drain(saved)).toEqual([5, 1, 6, 7]);
      expect((await weight.value.data())[0]).toBe(1);
      expect((await readMetadata(join(folder, "last.safetensors")))["step"]).toBe(4);
      const again = build();
      const tree = { ...again, stopping: earlyStopping([], { restore: again.model, patience: 9 }) };
      await load(join(folder, "last.safetensors"), tree);
      await again.model(x).data();
      expect((await params(again.model)[0]!.value.data())[0]).toBe(7);
      expect(tree.stopping).toMatchObject({ step: 4, best: 1, bestStep: 2 });
    }
});

test("what save takes, checkpoints saves: typed arrays alone", async () => {
  const folder = fresh();
  const tree = { weights: Float32Array.of(1, 2), step: 3 };
  await drain(checkpoints([1, 2], { model: tree, folder, every: 1 }));
  const other = { weights: new Float32Array(2), step: 0 };
  await drain(checkpoints([], { model: other, folder, resume: true }));
  expect(other).toEqual(tree);
  // What save refuses is refused before the first step.
  for (const model of [{}, { step: 3 }]) {
    const taken: number[] = [];
    const items = (function* () {
      taken.push(1);
      yield 1;
    })();
    await expect(drain(checkpoints(items, { model, folder: fresh() }))).rejects.toThrow("has no parameters");
    expect(taken).toEqual([]);
  }
});

test("nothing is resumed where no last file is written", () => {
  const options = { model: build(), folder: fresh(), last: false, keep: 2, resume: true };
  expect(() => checkpoints([1], options)).toThrow("{ last: false } does not write");
});

const wIn = async (file: string) => {
  const { w } = await load(file, { w: param(cpu.tensor([0])) });
  return (await w.value.data())[0];
};

test("keep removes the files of this run only, and those of the run that it resumes", async () => {
  const folder = fresh();
  mkdirSync(folder, { recursive: true });
  const numbered = () => readdirSync(folder).flatMap((name) => /^step-0*(\d+)\.safetensors$/.exec(name)?.[1] ?? []);
  const run = build();
  const others = ["step-00000001.safetensors", "step-00000500.safetensors"];
  for (const name of others) writeFileSync(join(folder, name), "another run's");
  const options = { model: run, folder, every: 2, keep: 2, resume: true };
  await drain(checkpoints([1, 1, 1, 1, 1, 1], options));
  expect(numbered()).toEqual(["1", "4", "6", "500"]);
  await drain(checkpoints([1, 1, 1, 1], { ...options, model: build() }));
  expect(numbered()).toEqual(["1", "8", "10", "500"]);
  // One that begins again leaves those of the first.
  await drain(checkpoints([1, 1, 1, 1, 1, 1], { ...options, resume: false }));
  expect(numbered()).toEqual(["1", "4", "6", "8", "10", "500"]);
  await save(join(folder, "last.safetensors"), run, { step: 6, kept: "[4,-6]" });
  await expect(drain(checkpoints([1], options))).rejects.toThrow("wanted a list of steps as kept in its metadata");
});

test("an item that finishes no step is saved as the last one only", async () => {
  const folder = fresh();
  const weight = { w: param(cpu.tensor([0])) };
  const items = (async function* () {
    for (const done of [1, 2, 2]) {
      weight.w.value = add(weight.w.value, 1);
      yield done;
    }
  })();
  await drain(checkpoints(items, { model: weight, folder, every: 1, keep: 5, step: (done) => done }));
  const files = ["last", "step-00000001", "step-00000002"].map((name) => `${name}.safetensors`);
  expect(readdirSync(folder).toSorted()).toEqual(files);
  expect(await Promise.all(files.map((name) => wIn(join(folder, name))))).toEqual([3, 1, 2]);
  // As an epoch of fit that was interrupted.
  const other = fresh();
  const { model, optimizer } = build();
  const controller = new AbortController();
  const onStep = () => void (optimizer.steps === 6 && controller.abort());
  const { signal } = controller;
  await fit(model, batches, {
    loss: mse,
    optimizer,
    epochs: 3,
    signal,
    onStep,
    checkpoints: { folder: other, keep: 2 },
  });
  const stepsIn = async (name: string) => {
    const again = build();
    await load(join(other, name), again, { strict: false });
    return again.optimizer.steps;
  };
  expect([await stepsIn("step-00000001.safetensors"), await stepsIn("last.safetensors")]).toEqual([4, 6]);
});

test("only a file that is missing begins a run anew", async () => {
  const folder = fresh();
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "last.safetensors");
  symlinkSync(file, file);
  const resumed = () => drain(checkpoints([1], { model: build(), folder, resume: true }));
  await expect(resumed()).rejects.toThrow(FileError);
  await expect(resumed()).rejects.toThrow(`checkpoints: could not look for ${file}: `);
  rmSync(file);
  mkdirSync(file);
  await expect(resumed()).rejects.toThrow(`checkpoints: wanted a file to resume, but ${file} is a folder`);
});

test("what a checkpoint counts as done is in the log before it is written", async () => {
  const [folder, log] = [fresh(), `${fresh()}.jsonl`];
  const noted = () => readFileSync(log, "utf8").trimEnd().split("\n").map((line) => (JSON.parse(line) as { step: number }).step); // prettier-ignore
  const run = build();
  const logged = earlyStopping(stopOnNaN(logTo(steps(run), jsonl(log))), { monitor: () => 1, patience: 99 });
  const seen: unknown[] = [];
  for await (const _ of checkpoints(logged, { model: run, folder, every: 2 }))
    seen.push(existsSync(join(folder, "last.safetensors")) && noted());
  expect(seen).toEqual([false, [1, 2], [1, 2], [1, 2, 3, 4]]);
  const again = `${fresh()}.jsonl`;
  const saved = { folder: fresh(), resume: true };
  const train = async (epochs: number) => {
    const { model, optimizer } = build();
    // Killed in the last epoch.
    const onEpoch = ({ epoch }: { epoch: number }) => {
      if (epoch === 4) throw new Error("killed");
      const lines = existsSync(again) ? readFileSync(again, "utf8").trimEnd().split("\n").length : 0;
      expect(lines).toBeGreaterThanOrEqual(epoch - 1);
    };
    return fit(model, batches, { loss: mse, optimizer, epochs, log: jsonl(again), checkpoints: saved, onEpoch });
  };
  await train(2);
  await expect(train(4)).rejects.toThrow("killed");
  expect((await readMetadata(join(saved.folder, "last.safetensors")))["step"]).toBe(3);
});
