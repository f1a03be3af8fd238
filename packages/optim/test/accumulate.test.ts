// Gradients of several steps as one update: averages, counts, rows, saved sums, and failures; and clipping by value.
import { diff, param, scope, type Param } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { Embedding, fromBytes, Linear, params, readSafetensors, seed, toBytes } from "@weft/nn";
import { add, mul, square, sum, take, type Tensor } from "@weft/tensor";
import { openSync as openCpu } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import {
  accumulate,
  adam,
  chain,
  clipGlobalNorm,
  clipValue,
  linearDecay,
  minimize,
  momentum,
  sgd,
  type Gradient,
  type Optimizer,
} from "../src/index.ts";

const backend = openSync({ rounding: true });
const { tensor } = backend;
const values = (model: unknown) => params(model).map((p) => p.value.arraySync());

test("n − 1 steps update nothing, the n-th gets the mean, and schedules count updates", () => {
  const p = param(tensor([0, 0]));
  const rule = chain(accumulate(3), sgd({ lr: linearDecay(1, { steps: 2 }) }));
  const step = (g: number[]) => rule.apply([{ param: p, g: tensor(g) }]);
  const seen = [[3, 0], [0, 6], [3, 3], [3, 3], [3, 3], [3, 0]].map((g) => (step(g), p.value.arraySync())); // prettier-ignore
  expect(seen).toEqual([[0, 0], [0, 0], [-2, -3], [-2, -3], [-2, -3], [-3.5, -4]]); // prettier-ignore
  expect([rule.steps, rule.lr]).toEqual([2, 0]);
});

test("accumulated batches are one batch, with clipping behind", async () => {
  const train = async (rule: Optimizer, batches: Tensor[]) => {
    seed(1);
    const model = Linear(2, 1);
    await minimize((x: Tensor) => sum(square(model(x))).div(x.shape[0]!), batches, rule);
    return values(model).flat(2);
  };
  const rows = backend.randn([8, 2], { seed: 1 });
  const [a, b, c, d] = [0, 2, 4, 6].map((at) => rows.slice({ starts: [at], ends: [at + 2] })) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const [first, second] = [rows.slice({ ends: [4] }), rows.slice({ starts: [4] })];
  const many = await train(chain(accumulate(2), clipGlobalNorm(0.1), adam({ lr: 0.1 })), [a, b, c, d]);
  const few = await train(chain(clipGlobalNorm(0.1), adam({ lr: 0.1 })), [first, second]);
  expect(many).toEqual(few.map((x) => expect.closeTo(x as number, 5)));
});

test("a parameter that is not in every step, and one that comes twice in a step", () => {
  const [p, q] = [param(tensor([0])), param(tensor([0]))];
  const rule = chain(accumulate(2), sgd({ lr: 1 }));
  rule.apply([{ param: p, g: tensor([2]) }, { param: p, g: tensor([4]) }]); // prettier-ignore
  rule.apply([{ param: q, g: tensor([8]) }]);
  expect([p.value.itemSync(), q.value.itemSync()]).toEqual([-3, -4]);
  rule.apply([{ param: q, g: tensor([2]) }]);
  rule.apply([]);
  expect([p.value.itemSync(), q.value.itemSync()]).toEqual([-3, -5]);
});

const table = () => param(tensor([[1, 2], [3, 4], [5, 6]])); // prettier-ignore
const look = (p: Param, words: number[], factor = 1) =>
  diff(() => sum(mul(take(p, tensor(words, { dtype: "i32" })), factor)));

test("rows stay rows: a lazy rule leaves the others alone; with a dense gradient they become dense", () => {
  const [p, q] = [table(), table()];
  const seen: Gradient[] = [];
  const spy = (gradients: readonly Gradient[]) => (seen.push(...gradients), gradients);
  const rule = chain(accumulate(2), spy, momentum({ lr: 1, lazy: true }));
  for (let k = 0; k < 2; k++) {
    rule.update(look(p, [0, 0], 2));
    rule.update(look(p, [2]));
  }
  expect(seen.map(({ g }) => "dense" in g)).toEqual([true, true]);
  // The velocity of the touched rows: −2 and then −2 · 1.95.
  expect(p.value.arraySync()).toEqual([[-4.9, -3.9], [3, 4], [5 - 0.5 * 2.95, 6 - 0.5 * 2.95]].map((row) => row.map((x) => expect.closeTo(x, 5)))); // prettier-ignore
  const mixed = chain(accumulate(2), spy, sgd({ lr: 1 }));
  mixed.update(look(q, [0]));
  mixed.apply([{ param: q, g: tensor([[1, 1], [1, 1], [1, 1]]) }]); // prettier-ignore
  mixed.apply([{ param: q, g: tensor([[0, 0], [0, 0], [0, 2]]) }]); // prettier-ignore
  mixed.update(look(q, [0]));
  expect(seen.slice(2).map(({ g }) => "dense" in g)).toEqual([false, false]);
  expect(q.value.arraySync()).toEqual([[-0.5, 0.5], [2.5, 3.5], [4.5, 4.5]]); // prettier-ignore
});

const build = () => ({ words: Embedding(4, 3), out: Linear(3, 2) });
type Model = ReturnType<typeof build>;
const make = (k: number) => {
  seed(k);
  return { model: build(), rule: chain(accumulate(3), clipGlobalNorm(1), adam({ lr: 0.1, lazy: true })) };
};
const train = ({ model, rule }: { model: Model; rule: Optimizer }, from: number, to: number) => {
  for (let k = from; k < to; k++) {
    const ids = tensor([k % 4, (k * k) % 4, 1], { dtype: "i32" });
    scope(() => rule.update(diff(() => sum(square(model.out(model.words(ids)))))));
  }
};

test.each([0, 1, 2, 3, 4, 5])("sums are saved: %i steps, and the rest after loading, are the same bits", async (at) => {
  const [one, other] = [make(1), make(2)];
  train(one, 0, at);
  fromBytes(await toBytes(one), other);
  train(one, at, 7);
  train(other, at, 7);
  expect(await toBytes(other)).toEqual(await toBytes(one));
});

test("a file has sums only where there are some, as rows where they are rows", async () => {
  const tree = make(1);
  train(tree, 0, 4);
  const names = [...readSafetensors(await toBytes(tree)).tensors.keys()].filter((name) => name.includes("transforms"));
  const at = "rule.transforms.0";
  expect(names.toSorted()).toEqual(
    [
      `${at}.steps`,
      ...["words.weight.t", "words.weight.indices", "words.weight.values"].map((name) => `${at}.model.${name}`),
      ...["weight", "bias"].flatMap((name) => [`${at}.model.out.${name}.t`, `${at}.model.out.${name}.sum`]),
    ].toSorted(),
  );
  train(tree, 4, 6);
  const later = [...readSafetensors(await toBytes(tree)).tensors.keys()].filter((name) => name.includes("transforms"));
  expect(later.every((name) => name.endsWith(".t") || name.endsWith(".steps"))).toBe(true);
});

test("state() and load() take the sums back, all or nothing", async () => {
  const tree = make(1);
  train(tree, 0, 4);
  const [state, before] = [tree.rule.state(tree.model), values(tree.model)];
  train(tree, 4, 6);
  const wanted = values(tree.model);
  params(tree.model).forEach((p, k) => (p.value = tensor(before[k] as number[])));
  tree.rule.load(state, tree.model);
  expect(tree.rule.steps).toBe(1);
  train(tree, 4, 6);
  expect(values(tree.model)).toEqual(wanted);
  const bytes = await toBytes(tree);
  const { steps: _, ...partial } = state;
  expect(() => tree.rule.load(partial, tree.model)).toThrow("adam: steps is missing");
  expect(() => tree.rule.load({ ...state, "transforms.0.x": state["steps"] }, tree.model)).toThrow(
    "accumulate: x is not expected",
  );
  expect(await toBytes(tree)).toEqual(bytes);
});

test("a chain in a chain has sums of its own, in state() and in files", async () => {
  const build = () => {
    const model = { transforms: [param(tensor([1, 2]))], optimizer: { w: param(tensor([3])) } };
    const rule = chain(accumulate(3), chain(accumulate(2), chain(accumulate(2), momentum({ lr: 0.1 }))));
    const step = (k: number) =>
      scope(() => rule.update(diff(() => params(model).map((p) => sum(mul(p, k))).reduce((a, b) => add(a, b))))); // oxfmt-ignore
    return { model, rule, step };
  };
  for (const at of [1, 3, 4, 7, 12, 13, 17]) {
    const one = build();
    for (let k = 1; k <= at; k++) one.step(k);
    const [state, before, bytes] = [one.rule.state(one.model), values(one.model), await toBytes(one)];
    for (let k = at + 1; k <= 24; k++) one.step(k);
    const wanted = [...values(one.model), one.rule.steps];
    params(one.model).forEach((p, k) => (p.value = tensor(before[k] as number[])));
    one.rule.load(state, one.model);
    for (let k = at + 1; k <= 24; k++) one.step(k);
    expect([...values(one.model), one.rule.steps]).toEqual(wanted);
    const other = build();
    fromBytes(bytes, other);
    for (let k = at + 1; k <= 24; k++) other.step(k);
    expect([...values(other.model), other.rule.steps]).toEqual(wanted);
  }
});

test("states of chains in chains from before load as they did", () => {
  const p = param(tensor([1]));
  const build = () => chain(accumulate(2), chain(clipValue(9), accumulate(3), sgd({ lr: 1 })));
  const [old, rule] = [build(), build()];
  for (let k = 0; k < 3; k++) scope(() => old.apply([{ param: p, g: tensor([2]) }]));
  const flat = Object.entries(old.state(p)).map(([path, box]) => [path.replace("optimizer.", ""), box] as const);
  expect(flat.map(([path]) => path).toSorted()).toEqual(
    [0, 1].flatMap((k) => ["steps", "value.sum", "value.t"].map((name) => `transforms.${k}.${name}`)).concat("steps", "value.t").toSorted(), // oxfmt-ignore
  );
  rule.load(Object.fromEntries(flat), p);
  for (let k = 0; k < 3; k++) scope(() => rule.apply([{ param: p, g: tensor([2]) }]));
  expect([p.value.itemSync(), rule.steps]).toEqual([-1, 1]);
});

test("an update that fails takes its share of the sums back", () => {
  const cpu = openCpu({});
  const p = param(cpu.tensor([1]));
  let broken = false;
  const guard = (gradients: readonly Gradient[]) => {
    if (broken) throw new Error("broken");
    return gradients;
  };
  const rule = chain(accumulate(2), guard, sgd({ lr: 1 }));
  const step = (g: number) => scope(() => rule.apply([{ param: p, g: cpu.tensor([g]) }]));
  step(2);
  broken = true;
  expect(() => step(4)).toThrow("broken");
  broken = false;
  step(6);
  expect([p.value.itemSync(), rule.steps]).toEqual([1 - 4, 1]);
});

test("steps leave nothing behind", () => {
  const own = openSync({});
  const p = scope(() => param(own.randn([4], { seed: 1 })));
  const rule = chain(accumulate(2), adam());
  const live = Array.from({ length: 6 }, () => {
    const tape = diff(() => sum(square(p)));
    rule.update(tape);
    tape.release();
    return own.live();
  });
  expect(live[5]).toBe(live[3]);
});

test("accumulate refuses what is no count", () => {
  expect(() => accumulate(0)).toThrow("accumulate: wanted a positive integer as n, got number 0");
});

test("clipValue clips each element; rows of one word are added first", () => {
  const [p, q] = [param(tensor([1, 2, 3])), table()];
  const rule = chain(clipValue(1.5), sgd({ lr: 1 }));
  rule.apply([{ param: p, g: tensor([-4, 1, NaN]) }]);
  expect(p.value.arraySync()).toEqual([2.5, 1, NaN]);
  rule.update(look(q, [0, 0, 2]));
  expect(q.value.arraySync()).toEqual([[-0.5, 0.5], [3, 4], [4, 5]]); // prettier-ignore
  expect(() => clipValue(0)).toThrow("clipValue: wanted a positive number as max, got number 0");
});
