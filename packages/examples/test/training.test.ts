// Training is reproducible bit for bit on both backends, and its losses follow the float64 reference.
import { open as openReference } from "@weft/conformance";
import { digits, type Split } from "@weft/data";
import { seed } from "@weft/nn";
import type { Backend, Creation } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { backendNames, openBackend } from "../src/backends.ts";
import { longOn } from "../../../test/extent.ts";
import { accuracyOf, answers, confusion, mistakes } from "../src/evaluation.ts";
import { linreg } from "../src/models/linreg.ts";
import { recipeNames, recipes, type RecipeName } from "../src/recipes.ts";
import { measure, train } from "../src/training.ts";

vi.setConfig({ testTimeout: 120_000 });

const few = digits({ train: 60, test: 20 });
/** On WebGPU batches are smaller: the software driver takes 50 ms per picture with LeNet. */
const fewer = digits({ train: 6, test: 2 });
const runs = { cpu: { data: few, size: 20 }, webgpu: { data: fewer, size: 2 } } as const;
const here = backendNames.filter(longOn);
const display = { update: () => {}, close: () => {} };

interface Run {
  readonly start?: number;
  readonly data?: Split;
  readonly size?: number;
  readonly epochs?: number;
}

async function losses(name: RecipeName, backend: Backend, run: Run = {}): Promise<number[]> {
  const { start = 1, data = few, size = 20, epochs = 2 } = run;
  seed(start);
  const recipe = recipes[name];
  const how = { backend, optimizer: recipe.optimizer(), epochs, size, seed: start, display };
  const found: number[] = [];
  for await (const epoch of train(recipe.model(), data, how)) found.push(...epoch.losses);
  return found;
}

describe.each(here.flatMap((on) => recipeNames.map((name) => [name, on] as const)))("%s on %s", (name, on) => {
  // One backend for all: by the second run WebGPU has compiled merged kernels in the background.
  let opened: ReturnType<typeof openBackend>;
  beforeAll(() => void (opened = openBackend(on, 1)));

  test("gives the same losses twice, bit for bit", async () => {
    const first = await losses(name, await opened, runs[on]);
    expect(first).toHaveLength(6);
    expect(await losses(name, await opened, runs[on])).toEqual(first);
  });

  test("follows the reference", async () => {
    const size = Math.min(5, runs[on].size);
    const run = { data: digits({ train: 4 * size, test: 1 }), size, epochs: 1 };
    const wanted = await losses(name, await openReference(), run);
    const found = await losses(name, await opened, run);
    expect(found).toHaveLength(4);
    for (const [i, loss] of found.entries()) expect(Math.abs(loss / wanted[i]! - 1)).toBeLessThan(1e-4);
  });
});

test.each(recipeNames)("%s gives different losses with a different seed", async (name) => {
  const [one, two] = [
    await losses(name, await open({}), { start: 1 }),
    await losses(name, await open({}), { start: 2 }),
  ];
  expect(one).not.toEqual(two);
});

test.each(here)("every epoch's accuracy is that of all the answers, on %s", async (on) => {
  const backend = await openBackend(on, 1);
  seed(1);
  const model = recipes.softmax.model();
  const how = { backend, optimizer: recipes.softmax.optimizer(), epochs: 3, size: 20, display };
  for await (const { accuracy } of train(model, few, how)) {
    const said = await answers(model, few.test, backend);
    expect(accuracyOf(said)).toBeCloseTo(accuracy, 6);
    expect(await measure(model, few.test, backend)).toBe(accuracy);
    expect(said.map(({ label }) => label)).toEqual([...few.test.labels.data]);
  }
});

test("many epochs need no more memory than few", async () => {
  const backend = await open({});
  seed(1);
  const how = { backend, optimizer: recipes.mlp.optimizer(), epochs: 40, size: 20, display };
  const heaps: number[] = [];
  for await (const _ of train(recipes.mlp.model(), few, how)) heaps.push(backend.stats().heap);
  expect(heaps.at(-1)).toBe(heaps[4]);
});

test("confusion and mistakes", () => {
  const answer = (label: number, guess: number, confidence: number, index = 0) => ({ index, label, guess, confidence });
  const all = [answer(0, 0, 0.9), answer(0, 1, 0.4), answer(1, 0, 0.8), answer(1, 1, 1)];
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
  const fitted = await linreg(
    { inputs: { data, shape: [50, 3], dtype: "f32" }, targets: { data: targets, shape: [50, 1], dtype: "f32" } },
    backend,
    { steps },
  );
  const { weight, bias } = fitted.model;
  for (const [i, w] of [2, -1, 0.5].entries()) expect((await weight.value.data())[i]).toBeCloseTo(w, 4);
  expect((await bias.value.data())[0]).toBeCloseTo(4, 4);
  expect(fitted.error).toBeLessThan(1e-8);
  expect(fitted.losses).toHaveLength(steps);
});
