// Training that is saved and resumed makes the same steps, bit for bit, as training that is not interrupted.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { diff, scope, state } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import {
  BatchNorm,
  Chain,
  crossEntropy,
  Embedding,
  fromBytes,
  Linear,
  params,
  place,
  seed,
  summary,
  toBytes,
} from "@weft/nn";
import { Dropout, load, readSafetensors, save, writeSafetensors } from "@weft/nn";
import {
  add,
  flatten,
  mul,
  relu,
  max,
  maximum,
  mean,
  square,
  sqrt,
  div,
  sub,
  unsqueeze,
  type Backend,
  type Creation,
  type Tensor,
} from "@weft/tensor";
import { open as openCpu } from "@weft/tensor-cpu";
import { openWebGpu } from "../../../test/webgpu.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as rules from "../src/rules/index.ts";
import { everything } from "../../../test/extent.ts";
import {
  adafactor,
  adadelta,
  adagrad,
  adam,
  adamw,
  chain,
  clipGlobalNorm,
  lion,
  minimize,
  momentum,
  muon,
  nesterov,
  optimizer,
  rmsprop,
  sgd,
  type Gradient,
  type Optimizer,
  type Rule,
  type Transform,
} from "../src/index.ts";

const build = () => Chain(Embedding(7, 4), flatten, Linear(12, 6), BatchNorm(6), relu, Linear(6, 3));
type Model = ReturnType<typeof build>;

/** Steps on data that depend on the number of the step. */
async function train(backend: Creation, model: Model, rule: Optimizer, from: number, to: number): Promise<void> {
  const data = Array.from({ length: to - from }, (_, k) => {
    const n = 31 * (from + k);
    const ids = Int32Array.from({ length: 24 }, (_, i) => (n + i * i) % 7);
    const labels = Int32Array.from({ length: 8 }, (_, i) => (n + i) % 3);
    return [backend.tensor(ids, { shape: [8, 3] }), backend.tensor(labels)] as const;
  });
  const last = await minimize((x: Tensor, y: Tensor) => crossEntropy(model(x), y), data, rule);
  last.release();
}

const bits = async (tree: unknown) =>
  Object.fromEntries(
    [...readSafetensors(await toBytes(tree)).tensors].map(([name, { dtype, shape, bytes }]) => [
      name,
      `${dtype}[${shape}] ${Buffer.from(bytes).toString("hex")}`,
    ]),
  );

/** A transform with a state of its own: the running mean of the gradients. */
const averaged = (): Transform => {
  const means = new Map<string, ReturnType<typeof state>>();
  const transform = (gradients: readonly Gradient[]) =>
    gradients.map(({ param, g }, k) => {
      const box = means.get(`g${k}`) ?? state(mul("dense" in g ? g.dense() : g, 0));
      box.value = add(mul(box.value, 0.5), "dense" in g ? g.dense() : g);
      means.set(`g${k}`, box);
      return { param, g: box.value };
    });
  return Object.assign(transform, { means });
};

/** Adagrad with one number per row, and one for all rows: state with other shapes than the parameter's. */
const factored: Rule<"G" | "largest"> = {
  name: "factored",
  init: (p) => ({ G: mul(mean(square(p), { axis: -1 }), 0), largest: max(square(p)) }),
  update: (g, p, { G, largest }, { lr }) => {
    const next = add(G, mean(square(g), { axis: -1 }));
    const size = maximum(largest, max(square(g)));
    return [sub(p, div(mul(g, lr), sqrt(add(unsqueeze(next, { axis: -1 }), size)))), { G: next, largest: size }];
  },
};

const schedule = (step: number) => 0.1 / (1 + step);
const split = (model: Model) => [
  params(model).filter((p) => p.shape.length > 1),
  params(model).filter((p) => p.shape.length < 2),
];
const makers: Record<string, (model: Model) => Optimizer> = {
  sgd: () => sgd({ lr: schedule }),
  momentum: () => momentum({ lr: schedule }),
  nesterov: () => nesterov(),
  adagrad: () => adagrad(),
  rmsprop: (model) => rmsprop({ params: model }),
  adadelta: () => adadelta(),
  adam: () => adam({ lr: schedule, lazy: true }),
  "adam with AMSGrad": () => adam({ amsgrad: true }),
  lion: () => lion({ lr: schedule, lazy: true }),
  adafactor: () => adafactor(),
  muon: (model) => muon({ lr: schedule, fallback: adamw({ params: [model[0], ...split(model)[1]!], lr: schedule }) }),
  "adamw with groups": (model) => {
    const [matrices, vectors] = split(model);
    return adamw({ lr: 0.01, groups: [{ params: matrices }, { params: vectors, weightDecay: 0, lr: schedule }] });
  },
  "a chain": () => chain(clipGlobalNorm(1), adam()),
  "a rule of one's own": () => optimizer(factored),
};

async function compare(backend: Creation, make: (model: Model) => Optimizer): Promise<void> {
  seed(1);
  const model = build();
  const rule = make(model);
  await train(backend, model, rule, 0, 3);
  const saved = await toBytes({ model, rule });
  seed(2);
  const other = build();
  const resumed = make(other);
  fromBytes(saved, { model: other, rule: resumed });
  expect(resumed.steps).toBe(3);
  expect(await bits({ model: other, rule: resumed })).toEqual(await bits({ model, rule }));
  await train(backend, model, rule, 3, 6);
  await train(backend, other, resumed, 3, 6);
  expect(await bits({ model: other, rule: resumed })).toEqual(await bits({ model, rule }));
  // Load the old state into a model that has been trained further.
  fromBytes(saved, { model, rule });
  await train(backend, model, rule, 3, 6);
  expect(await bits({ model, rule })).toEqual(await bits({ model: other, rule: resumed }));
}

test("the table has every optimizer", () => {
  const named = Object.keys(makers).map((name) => name.split(" ")[0]);
  expect(Object.keys(rules).filter((name) => !named.includes(name))).toEqual([]);
});

test.each(Object.entries(makers))("%s on the CPU", async (_, make) => compare(await openCpu({}), make));

const onWebGpu = Object.keys(makers).filter((name) => everything || name === "adamw with groups");
test.skipIf(process.env["WEFT_NO_DRIVER"] !== undefined).each(onWebGpu)(
  "%s on WebGPU",
  { timeout: 120_000 },
  async (name) => compare(await openWebGpu({}), makers[name]!),
);

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "weft-optim-"))));
afterAll(() => rm(folder, { recursive: true }));

describe("a file", () => {
  const backend = openSync({ rounding: true });

  test("has the names of the tree, and numbers that PyTorch's tools read", async () => {
    const model = Linear(2, 3);
    const rule = adam();
    rule.update(diff(() => crossEntropy(model(backend.tensor([[1, 2]])), backend.tensor([1], { dtype: "i32" }))));
    const path = join(folder, "both.safetensors");
    await save(path, { model, optimizer: rule }, { epoch: 1 });
    const { tensors } = readSafetensors(await toBytes({ model, optimizer: rule }));
    expect(Object.fromEntries([...tensors].map(([name, { dtype, shape }]) => [name, `${dtype} [${shape}]`]))).toEqual({
      "model.weight": "F32 [3,2]",
      "model.bias": "F32 [3]",
      "optimizer.steps": "I32 []",
      "optimizer.model.weight.t": "I32 []",
      "optimizer.model.weight.m": "F32 [3,2]",
      "optimizer.model.weight.v": "F32 [3,2]",
      "optimizer.model.bias.t": "I32 []",
      "optimizer.model.bias.m": "F32 [3]",
      "optimizer.model.bias.v": "F32 [3]",
    });
    const other = { model: Linear(2, 3), optimizer: chain(clipGlobalNorm(1), adam()) };
    expect(await load(path, other)).toBe(other);
    expect(await bits(other)).toEqual(await bits({ model, optimizer: rule }));
    // The state is initialized with its parameter, or by `place`.
    expect(other.optimizer.stateOf(other.model.weight)!["m"]!.initialized).toBe(false);
    await place(other, backend);
    expect(other.optimizer.stateOf(other.model.weight)!["m"]!.backend).toBe(backend);
    expect(await bits(other)).toEqual(await bits({ model, optimizer: rule }));
    // A file without the optimizer, and a model alone from a file with both.
    await save(path, { model });
    await expect(load(path, other)).rejects.toThrow(`load: ${path}: optimizer.steps is missing`);
    await load(path, other, { strict: false });
    expect(other.optimizer.steps).toBe(1);
    const alone = { model: Linear(2, 3) };
    const both = await toBytes({ model, optimizer: rule });
    expect(() => fromBytes(both, alone)).toThrow("unexpected optimizer.");
    fromBytes(both, alone, { strict: false });
    expect(await bits(alone)).toEqual(await bits({ model }));
    expect(summary(other)).toContain("9 parameters");
  });

  test("before the first step, of an optimizer alone, and of two", async () => {
    const [model, critic] = [Linear(2, 3), Linear(3, 1)];
    const rule = adam({ params: model });
    const step = (rule: Optimizer) => rule.update(diff(() => critic(model(backend.tensor([[1, 2]]))).sum()));
    const first = await toBytes({ model, critic, rule });
    step(rule);
    const trained = await bits(rule);
    expect(Object.keys(trained).toSorted()).toEqual(
      ["steps", "weight.t", "weight.m", "weight.v", "bias.t", "bias.m", "bias.v"].toSorted(),
    );
    const bytes = await toBytes(rule);
    fromBytes(first, { model, critic, rule });
    expect([rule.steps, rule.stateOf(model.weight)]).toEqual([0, undefined]);
    fromBytes(bytes, rule);
    expect(await bits(rule)).toEqual(trained);

    const loose = adam();
    step(loose);
    await expect(toBytes(loose)).rejects.toThrow(
      "adam: a parameter f32[3,2] that it updates is not in this tree, and its state would be lost. Save both, as in save(file, { model, optimizer })",
    );
    await expect(toBytes({ model, loose })).rejects.toThrow("adam: a parameter f32[1,3] that it updates");
    const tree = { model, critic, rule, others: [sgd({ params: critic }), loose] };
    const names = Object.keys(await bits(tree));
    expect(names).toContain("others.0.critic.weight.t");
    expect(names).not.toContain("others.0.model.weight.t");
    expect(names).toContain("others.1.critic.weight.m");
    expect(names).toContain("rule.model.weight.m");
  });

  test("a transform's own state is part of the tree", async () => {
    const make = () => ({ model: Linear(2, 1), rule: chain(averaged(), momentum()) });
    const step = ({ model, rule }: ReturnType<typeof make>) =>
      scope(() => rule.update(diff(() => model(backend.tensor([[1, 2]])).sum())));
    const one = make();
    step(one);
    const bytes = await toBytes(one);
    expect([...readSafetensors(bytes).tensors.keys()]).toContain("rule.transforms.0.means.g0");
    const other = make();
    step(other);
    step(other);
    fromBytes(bytes, other);
    step(one);
    step(other);
    expect(await bits(other)).toEqual(await bits(one));
  });

  test("that is malicious changes nothing", async () => {
    const make = () => ({ model: Linear(2, 2), rule: adam() });
    const trained = (tree: ReturnType<typeof make>) => {
      tree.rule.update(diff(() => tree.model(backend.tensor([[1, 2]])).sum()));
      return tree;
    };
    const { tensors, metadata } = readSafetensors(await toBytes(trained(make())));
    const number = (n: number) => ({
      dtype: "I32" as const,
      shape: [],
      bytes: new Uint8Array(Int32Array.of(n).buffer),
    });
    const m = tensors.get("rule.model.weight.m")!;
    const spoilt: [string, object | undefined, string, string][] = [
      ["rule.steps", undefined, "StateError", "fromBytes: rule.steps is missing"],
      ["rule.steps", number(-1), "StateError", "fromBytes: rule.steps must be a non-negative number"],
      ["rule.steps", m, "StateError", "fromBytes: rule.steps must be a non-negative number"],
      [
        "rule.steps",
        { ...number(0), dtype: "F32" },
        "FormatError",
        'safetensors: "rule.steps" is stored as F32, i32 can be read from',
      ],
      ["rule.model.weight.t", undefined, "StateError", "rule.model.weight.t is missing"],
      ["rule.model.weight.t", number(-2147483648), "StateError", "rule.model.weight.t must be a non-negative"],
      ["rule.model.weight.t", number(0), "StateError", "rule.model.weight.m is not expected"],
      ["rule.model.weight.m", undefined, "StateError", "rule.model.weight.m is missing"],
      ["rule.model.weight.m", { ...m, shape: [4] }, "StateError", "rule.model.weight.m is [4], wanted [2,2]"],
      [
        "rule.model.weight.m",
        { ...m, dtype: "I32" },
        "FormatError",
        '"rule.model.weight.m" is stored as I32, f32 can be read from',
      ],
      ["rule.model.weight.z", m, "StateError", "rule.model.weight.z is not expected"],
      ["model.weight", undefined, "StateError", "missing model.weight"],
    ];
    for (const tree of [make(), trained(make())]) {
      const before = await bits(tree);
      for (const [name, tensor, error, message] of spoilt) {
        const other = new Map(tensors);
        if (tensor === undefined) other.delete(name);
        else other.set(name, tensor as typeof m);
        const bytes = writeSafetensors({ tensors: other, metadata });
        expect(() => fromBytes(bytes, tree)).toThrow(
          expect.objectContaining({ name: error, message: expect.stringContaining(message) }),
        );
        expect(await bits(tree)).toEqual(before);
      }
    }
  });
});

test("init of a rule cannot read values, and one name is reserved", async () => {
  const backend = openSync({});
  const rule = (init: Rule["init"]) => optimizer({ name: "mine", init, update: (_, p) => [p, {}] });
  const model = Linear(1, 1);
  const step = (rule: Optimizer) => rule.update(diff(() => model(backend.tensor([[1]])).sum()));
  const reads = rule((p) => ({ x: backend.tensor(p.dataSync()) }));
  step(reads);
  const bytes = await toBytes({ model, reads });
  expect(() => fromBytes(bytes, { model, reads })).toThrow("optimizer: init of a rule cannot read values");
  for (const name of ["t", "__proto__"])
    expect(() => step(rule((p) => Object.fromEntries([[name, p]])))).toThrow(
      `mine: init returned a state "${name}", a name that is reserved`,
    );
});

test("random masks continue where they were, by the counter of their stream", async () => {
  const run = async (model: Chained, rule: Optimizer, backend: Creation & Backend) => {
    const x = backend.tensor([[1, 2, 3, 4]]);
    for (let k = 0; k < 3; k++) scope(() => rule.update(diff(() => model(x).sum())));
  };
  const make = () => (seed(1), Chain(Linear(4, 8), Dropout(0.5), Linear(8, 1)));
  type Chained = ReturnType<typeof make>;
  const [one, other] = [await openCpu({ seed: 3 }), await openCpu({ seed: 4 })];
  const tree = { model: make(), rule: adam(), random: one.stream };
  const path = join(folder, "masks.safetensors");
  await run(tree.model, tree.rule, one);
  await save(path, tree);
  await run(tree.model, tree.rule, one);
  const resumed = await load(path, { model: make(), rule: adam(), random: other.stream });
  await run(resumed.model, resumed.rule, other);
  expect(await bits(resumed)).toEqual(await bits(tree));
});

test("nothing is left behind on the backend", async () => {
  const backend = openSync({});
  const model = Linear(2, 2);
  const rule = adam();
  const step = () => scope(() => rule.update(diff(() => model(backend.tensor([[1, 2]])).sum())));
  step();
  const living = backend.live();
  const bytes = await toBytes({ model, rule });
  expect(backend.live()).toBe(living);
  fromBytes(bytes, { model, rule });
  step();
  expect(backend.live()).toBe(living);
});
