// The recipes of packages/site/pages/guides/recipes.md run, and what they end with is what PyTorch computes (test/recipes.py), from the same
// parameters and data.
import * as autograd from "@weft/autograd";
import { boxes } from "@weft/autograd/internals";
import * as reference from "@weft/conformance";
import * as nn from "@weft/nn";
import * as optim from "@weft/optim";
import * as weft from "@weft/tensor";
import * as cpu from "@weft/tensor-cpu";
import * as webgpu from "@weft/tensor-webgpu";
import { creation } from "@weft/tensor/internals";
import type { Backend, Creation, Tensor } from "@weft/tensor";
import { readFileSync } from "node:fs";
import { transformWithOxc } from "vite";
import { describe, expect, test } from "vitest";
import { cellsOf } from "../packages/site/src/markdown/cells.ts";
import { longOn } from "./extent.ts";
import { read } from "./source-graph.ts";

type Opened = Backend & Creation;
type Names = Record<string, unknown>;

/** Each recipe as it is written, by its title. */
const written = new Map(
  read("packages/site/pages/guides/recipes.md")
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.split("\n")[0]!, section]),
);
/** The code of each: the last cell below its title, without its imports and what it promises. */
const recipes = new Map(
  [...written].map(([title, section]) => [
    title,
    cellsOf(section).at(-1)!.replaceAll(/^import [^]*?;\n/gm, "").replaceAll(/^\/\/[~>].*$/gm, "").trim(), // prettier-ignore
  ]),
);
/** Loops around loops and mixed data, which the page's own promises cover. */
const uncompared = ["Clipping, a schedule, and a stop when nothing improves", "Data of different kinds in one batch"];
const wanted = JSON.parse(readFileSync(new URL("recipes.json", import.meta.url), "utf8")) as Record<string, number[]>;

/** What a recipe takes for granted, from the layers of which parameters begin with known values. */
type Around = (opened: Opened, layers: typeof nn) => Names | Promise<Names>;

const sines = (size: number, f: (j: number) => number): Float32Array =>
  Float32Array.from({ length: size }, (_, j) => f(j));
const sizeOf = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);
const data = ({ tensor }: Opened, k: number, shape: readonly number[]): Tensor =>
  tensor(
    sines(sizeOf(shape), (j) => Math.sin(0.5 + 2.1 * k + 1.1 * j)),
    { shape },
  );
const labels = ({ tensor }: Opened, k: number, n: number, classes: number): Tensor =>
  tensor(
    Array.from({ length: n }, (_, j) => (j * (k + 2) + k) % classes),
    { dtype: "i32" },
  );
const samples = (opened: Opened) =>
  Array.from({ length: 8 }, (_, k) => [data(opened, k, [6, 2]), labels(opened, k, 6, 3)]);

function forGan(opened: Opened, length = 6): Names {
  let drawn = 100;
  const batches = Array.from({ length }, (_, k) => data(opened, k, [6, 2]));
  return { batches, noise: (n: number) => data(opened, drawn++, [n, 3]) };
}

function forWassersteinGan(opened: Opened): Names {
  let drawn = 200;
  return { ...forGan(opened, 10), shares: (n: number) => weft.div(weft.add(data(opened, drawn++, [n, 1]), 1), 2) };
}

function trained(opened: Opened, { BatchNorm, Chain, Linear, training }: typeof nn) {
  const backbone = Chain(Linear(2, 8), BatchNorm(8), weft.relu, Linear(8, 8));
  for (const [x] of samples(opened).slice(0, 2)) training(true, () => backbone(x!));
  return backbone;
}

/** Of each recipe: what it takes for granted, and what it ends with. */
const table: Record<string, { around: Around; ends: string }> = {
  "Generative adversarial network": { around: (opened) => forGan(opened), ends: "[generator, discriminator]" },
  "Wasserstein GAN with gradient penalty": { around: forWassersteinGan, ends: "[generator, critic]" },
  "Model-agnostic meta-learning (MAML)": {
    around: (opened) => ({
      tasks: [0, 1, 2].map((k) => [0, 1, 2, 3].map((i) => data(opened, 4 * k + i, [5, 1]))),
    }),
    ends: "[model]",
  },
  "Transfer learning": {
    around: (opened, layers) => ({ backbone: trained(opened, layers), batches: samples(opened) }),
    ends: "[model]",
  },
  "Deep Q-learning with a target network": {
    around: (opened) => ({
      memory: Array.from({ length: 10 }, (_, k) => [
        data(opened, 3 * k, [6, 4]),
        labels(opened, k, 6, 2),
        data(opened, 3 * k + 2, [6]),
        data(opened, 3 * k + 1, [6, 4]),
        weft.cast(weft.equal(labels(opened, k, 6, 3), 0), "f32"),
      ]),
    }),
    ends: "[model, target]",
  },
  "Gradient accumulation": { around: (opened) => ({ batches: samples(opened) }), ends: "[model]" },
  "Weight decay for matrices only, and evaluation with averaged weights": {
    around: (opened) => ({ batches: samples(opened), x: data(opened, 50, [4, 2]) }),
    ends: "[model, average.model, probabilities]",
  },
  "Saliency maps and adversarial examples": {
    around: (opened, layers) => ({
      model: layers.Chain(trained(opened, layers), layers.Dropout(0.5), layers.Linear(8, 3)),
      x: data(opened, 50, [4, 2]),
      labels: labels(opened, 1, 4, 3),
    }),
    ends: "[saliency, adversarial, loss, model]",
  },
};

/** `nn` with linear layers that begin with known values, numbered in the order in which they are made. */
function known(): typeof nn {
  let count = 0;
  const wave = (): nn.Initializer => {
    const k = count++;
    return (shape) => Float64Array.from({ length: sizeOf(shape) }, (_, j) => 0.5 * Math.sin(1 + 1.3 * k + 0.7 * j));
  };
  const Linear: typeof nn.Linear = (inputs, outputs, { bias = true } = {}) =>
    nn.Linear(inputs, outputs, { bias, init: wave(), ...(bias && { biasInit: wave() }) });
  return { ...nn, Linear };
}

const numbers = (x: unknown): unknown[] => (Array.isArray(x) ? x.flatMap(numbers) : [x]);

/** All numbers in what a recipe ends with. */
async function numbersOf(x: unknown): Promise<number[]> {
  if (weft.isTensor(x)) return numbers(await x.array()) as number[];
  const all = await Promise.all(boxes(x).map(async ({ box }) => numbers(await box.value.array())));
  return all.flat() as number[];
}

async function run(title: string, opened: Opened): Promise<number[]> {
  const { around, ends } = table[title]!;
  const layers = known();
  const names: Names = { ...autograd, ...layers, ...optim, ...weft, ...creation(opened), backend: opened };
  Object.assign(names, await around(opened, layers));
  const recipe = `export default (async () => {\n${recipes.get(title)!}\nreturn ${ends};\n})()`;
  const body = (await transformWithOxc(recipe, "recipe.ts")).code.replace("export default", "return");
  const made = (await new Function(...Object.keys(names), body)(...Object.values(names))) as unknown[];
  return (await Promise.all(made.map(numbersOf))).flat();
}

test("each recipe has at most 25 lines, and is compared, or promises something on its page", () => {
  expect([...recipes.keys()].filter((title) => !uncompared.includes(title))).toEqual(Object.keys(table));
  for (const title of uncompared) expect(cellsOf(written.get(title) ?? "").at(-1), title).toMatch(/^\/\/[~>]/m);
  expect(Object.keys(wanted).toSorted()).toEqual(Object.keys(table).toSorted());
  for (const [title, code] of recipes) expect([title, code.split("\n").length <= 25]).toEqual([title, true]);
});

const stages: readonly { on: string; open: () => Opened | Promise<Opened>; within: number }[] = [
  { on: "the reference", open: () => reference.openSync({ seed: 1 }), within: 1e-6 },
  { on: "cpu", open: () => cpu.openSync({ seed: 1 }), within: 1e-4 },
  ...(longOn("webgpu") ? [{ on: "webgpu", open: () => webgpu.open(), within: 1e-3 }] : []),
];

describe.each(stages)("on $on", ({ open, within }) => {
  test.each(Object.keys(table))("%s", async (title) => {
    const got = await run(title, await open());
    const right = wanted[title]!;
    expect(got.length).toBe(right.length);
    const wrong = got.flatMap((x, i) =>
      Math.abs(x - right[i]!) <= within * Math.max(1, Math.abs(right[i]!)) ? [] : [[i, x, right[i]]],
    );
    expect(wrong).toEqual([]);
  });
});
