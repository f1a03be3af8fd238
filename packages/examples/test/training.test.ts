// Training is reproducible bit for bit on both backends, and its losses follow the float64 reference.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { open as openReference } from "@weft/conformance";
import { digits, type Pictures } from "@weft/data";
import { seed } from "@weft/nn";
import type { Backend, Creation } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { backendNames, openBackend } from "../src/backends.ts";
import { longOn } from "../../../test/extent.ts";
import { accuracyOf, predictions, confusion, mistakes, type Prediction } from "../src/training/evaluation.ts";
import { classifierLearner } from "../src/images/classifier.ts";
import { learn } from "../src/training/training.ts";
import { learner as linearRegression } from "../src/programs/linreg.ts";
import { playerLearner } from "../src/reinforcement-learning/agent-training.ts";
import { learner as costsOf } from "../src/programs/opcost.ts";
import { recipeNames, recipes, type RecipeName } from "../src/classifiers.ts";
import { lossesIn } from "./runs.ts";
import { temporaryFolder, weft } from "./session.ts";

vi.setConfig({ testTimeout: 120_000 });

/** The recipes for digits. */
const names = recipeNames.filter((name) => recipes[name].data?.includes("digits"));

const few = digits({ train: 60, test: 20 });
/** On WebGPU batches are smaller: the software driver takes 50 ms per picture with LeNet. */
const fewer = digits({ train: 6, test: 2 });
const runs = { cpu: { data: few, batchSize: 20 }, webgpu: { data: fewer, batchSize: 2 } } as const;
const here = backendNames.filter(longOn);
const display = { update: () => {}, close: () => {} };

interface Run {
  readonly start?: number;
  readonly data?: Pictures;
  readonly batchSize?: number;
  readonly epochs?: number;
}

async function losses(name: RecipeName, backend: Backend, run: Run = {}): Promise<number[]> {
  const { start = 1, data = few, batchSize = 20, epochs = 2 } = run;
  seed(start);
  const { record } = await learn(classifierLearner(recipes[name], data, { backend, batchSize, seed: start }), {
    backend,
    folder: temporaryFolder(),
    epochs,
    display,
  });
  return lossesIn(record).map(({ value }) => value);
}

describe.each(here.flatMap((on) => names.map((name) => [name, on] as const)))("%s on %s", (name, on) => {
  // One backend for all: by the second run WebGPU has compiled merged kernels in the background.
  let opened: ReturnType<typeof openBackend>;
  beforeAll(() => void (opened = openBackend(on, 1)));

  test("gives the same losses twice, bit for bit", async () => {
    const first = await losses(name, await opened, runs[on]);
    expect(first).toHaveLength(6);
    expect(await losses(name, await opened, runs[on])).toEqual(first);
  });

  test("follows the reference", async () => {
    const batchSize = Math.min(5, runs[on].batchSize);
    const run = { data: digits({ train: 4 * batchSize, test: 1 }), batchSize, epochs: 1 };
    const wanted = await losses(name, await openReference(), run);
    const found = await losses(name, await opened, run);
    expect(found).toHaveLength(4);
    for (const [i, loss] of found.entries()) expect(Math.abs(loss / wanted[i]! - 1)).toBeLessThan(1e-4);
  });
});

test.each(names)("%s gives different losses with a different seed", async (name) => {
  const [one, two] = [
    await losses(name, await open({}), { start: 1 }),
    await losses(name, await open({}), { start: 2 }),
  ];
  expect(one).not.toEqual(two);
});

test.each(here)("every epoch's accuracy is that of all the predictions, on %s", async (on) => {
  const backend = await openBackend(on, 1);
  seed(1);
  const learner = classifierLearner(recipes.softmax, few, { backend, batchSize: 20, seed: 1 });
  const said: (readonly Prediction[])[] = [];
  const evaluate = async () => {
    said.push(await predictions(learner.model, few.test, backend));
    return learner.evaluate();
  };
  const how = { backend, folder: temporaryFolder(), epochs: 3, display };
  const { record } = await learn({ ...learner, evaluate }, how);
  expect(record.evaluations.map(({ values }) => values["epoch"])).toEqual([1, 2, 3]);
  for (const [at, { values }] of record.evaluations.entries()) {
    expect(accuracyOf(said[at]!)).toBeCloseTo(values["testAccuracy"]!, 6);
    expect(said[at]!.map(({ label }) => label)).toEqual([...few.test.labels.data]);
  }
});

test("many epochs need no more memory than few", async () => {
  const backend = await open({});
  seed(1);
  const heaps: number[] = [];
  const told = () => heaps.push(backend.stats().heap);
  const how = { backend, folder: temporaryFolder(), epochs: 40, display, told };
  await learn(classifierLearner(recipes.mlp, few, { backend, batchSize: 20, seed: 1 }), how);
  expect(heaps).toHaveLength(40);
  expect(heaps.at(-1)).toBe(heaps[4]);
});

test("an epoch begins only to be taken, and its length is shown", async () => {
  const backend = await open({});
  seed(1);
  const learner = classifierLearner(recipes.softmax, few, { backend, batchSize: 20, seed: 1 });
  const totals: (number | undefined)[] = [];
  const epoch = vi.fn(learner.epoch);
  const watched = { update: ({ total }: { total?: number | undefined }) => void totals.push(total), close: () => {} };
  await learn({ ...learner, epoch }, { backend, folder: temporaryFolder(), epochs: 4, every: 2, display: watched });
  expect(epoch).toHaveBeenCalledTimes(4);
  expect(new Set(totals)).toEqual(new Set([6]));
});

test.each([
  [{ epochs: 3, every: 2 }, [6, 3]], // one of two epochs is left
  [{ epochs: 4, every: 2, steps: 8 }, [6, 2]],
  [{ epochs: 4, steps: 2 }, [2]],
])("a bar is as long as what is left: %j", async (length, lengths) => {
  const backend = await open({});
  seed(1);
  const learner = classifierLearner(recipes.softmax, few, { backend, batchSize: 20, seed: 1 });
  const totals = new Set<number | undefined>();
  const watched = { update: ({ total }: { total?: number | undefined }) => void totals.add(total), close: () => {} };
  await learn(learner, { backend, folder: temporaryFolder(), ...length, display: watched });
  expect([...totals]).toEqual(lengths);
});

test.each([
  [{ epochs: 3, every: 2 }, ["epochs 1 to 2 of 3", "epoch 3/3"]],
  [{ epochs: 2, every: 2, round: "round" }, ["rounds 1 to 2 of 2"]],
  [{ epochs: 1, round: "round" }, ["round 1/1"]],
])("a bar says which epochs it is of: %j", async (length, wanted) => {
  const backend = await open({});
  seed(1);
  const learner = classifierLearner(recipes.softmax, few, { backend, batchSize: 20, seed: 1 });
  const names = new Set<string | undefined>();
  const watched = { update: ({ name }: { name?: string | undefined }) => void names.add(name), close: () => {} };
  await learn(learner, { backend, folder: temporaryFolder(), ...length, display: watched });
  expect([...names]).toEqual(wanted);
});

test("a measurement has no epochs", async () => {
  const folder = temporaryFolder();
  const { code, out } = await weft("train", "opcost", "--quick", "--steps", "1", "--out", folder);
  expect(code).toBe(0);
  expect(out).toMatch(/^round 1\/10, step 1: recording over forward /m);
  expect(out).toMatch(/^Recording over forward: [\d.]+ after 1 step, /m);
  const html = readFileSync(join(folder, "report.html"), "utf8");
  expect(html).toContain("0 of 30 rounds");
  expect(out).not.toMatch(/epoch/i);
});

test("an epoch that is counted by its program says how many of its steps are left", async () => {
  const backend = await open({});
  const column = { data: Float32Array.of(1, 2), shape: [2, 1], dtype: "f32" } as const;
  const lines = linearRegression({ inputs: column, targets: column }, backend, { steps: 5 });
  const player = playerLearner({ model: {}, state: {}, agent: (states) => states, play: async () => 1 }, backend);
  const costs = await costsOf(digits({ train: 100, test: 0 }), backend, 1);
  for (const [{ epoch }, length] of [
    [lines, 5],
    [player, 50],
  ] as const) {
    const begun = epoch();
    expect(begun.length).toBe(length);
    let taken = 0;
    for await (const _ of begun) if (++taken === 2) break;
    expect(epoch().length).toBe(length - 2);
  }
  expect(costs.epoch().length).toBe(9);
});

test("what is measured in the middle of an epoch says at which step", async () => {
  const told = async (...more: string[]) => {
    const { out } = await weft("train", "mlp", "--limit", "300", "--out", temporaryFolder(), ...more);
    return out.split("\n").filter((line) => line.startsWith("epoch "));
  };
  expect(await told("--steps", "5")).toEqual([
    expect.stringMatching(/^epoch 1\/10: test accuracy /),
    expect.stringMatching(/^epoch 2\/10, step 5: test accuracy /),
  ]);
  expect(await told("--epochs", "1")).toEqual([expect.stringMatching(/^epoch 1\/1: test accuracy /)]);
});

test.each([
  [{ steps: 2 }, { epoch: 1, step: 2 }, 0],
  [{ steps: 4 }, { epoch: 2, step: 4 }, 0], // an epoch ended on the way, but is not what is measured
  [{ epochs: 2 }, { epoch: 2 }, 1],
])("with two epochs of three steps between evaluations, %j ends at %j", async (end, wanted, evaluations) => {
  const backend = await open({});
  seed(1);
  const learner = classifierLearner(recipes.softmax, few, { backend, batchSize: 20, seed: 1 });
  const told = vi.fn<(at: object) => void>();
  const length = { epochs: 4, every: 2, ...end };
  const { record } = await learn(learner, { backend, folder: temporaryFolder(), ...length, display, told });
  expect(told.mock.calls.map(([at]) => at)).toEqual([wanted]);
  expect(record.evaluations).toHaveLength(evaluations);
});

test("the time of a training is that of its steps, without evaluations", async () => {
  let now = 1e6;
  vi.spyOn(performance, "now").mockImplementation(() => now);
  const { seconds, taken } = await learn(
    {
      from: "nothing",
      async *epoch() {
        for (let step = 0; step < 3; step++) {
          now += 500;
          yield { loss: 1 };
        }
      },
      async evaluate() {
        now += 60_000;
        return { testLoss: 1 };
      },
    },
    { backend: await open({}), folder: temporaryFolder(), epochs: 4, display },
  ).finally(() => vi.restoreAllMocks());
  expect({ seconds, taken }).toEqual({ seconds: 6, taken: 12 });
});

test("in an order that stays no picture is left out of all epochs", async () => {
  const backend = await open({});
  const learner = classifierLearner(recipes.softmax, digits({ train: 50, test: 1 }), {
    backend,
    batchSize: 20,
    seed: 1,
  });
  let steps = 0;
  for await (const _ of learner.epoch()) steps++;
  expect(steps).toBe(3);
});

test("confusion and mistakes", () => {
  const prediction = (label: number, guess: number, confidence: number, index = 0) => ({
    index,
    label,
    guess,
    confidence,
  });
  const all = [prediction(0, 0, 0.9), prediction(0, 1, 0.4), prediction(1, 0, 0.8), prediction(1, 1, 1)];
  expect(confusion(all, 2)).toEqual([
    [1, 1],
    [1, 1],
  ]);
  expect(mistakes(all).map(({ confidence }) => confidence)).toEqual([0.8, 0.4]);
  expect(accuracyOf(all)).toBe(0.5);
});

test.each(here)("linreg finds the line that the data lie on, on %s", async (on) => {
  const backend: Backend & Creation = await openBackend(on, 3);
  const steps = 150;
  const x = backend.randn([50, 3]);
  const data = Float32Array.from((await x.data()) as Float32Array);
  const targets = Float32Array.from({ length: 50 }, (_, i) => {
    const [a, b, c] = data.subarray(3 * i, 3 * i + 3) as unknown as [number, number, number];
    return 2 * a - b + 0.5 * c + 4;
  });
  const host = { dtype: "f32" } as const;
  const learner = linearRegression(
    { inputs: { data, shape: [50, 3], ...host }, targets: { data: targets, shape: [50, 1], ...host } },
    backend,
    { steps },
  );
  const { record, result } = await learn(learner, { backend, folder: temporaryFolder(), epochs: 1, display });
  const { weight, bias } = learner.model;
  for (const [i, w] of [2, -1, 0.5].entries()) expect((await weight.value.data())[i]).toBeCloseTo(w, 4);
  expect((await bias.value.data())[0]).toBeCloseTo(4, 4);
  expect(result!["meanSquaredError"]).toBeLessThan(1e-8);
  expect(lossesIn(record)).toHaveLength(steps);
});
