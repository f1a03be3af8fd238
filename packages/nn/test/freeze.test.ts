// Frozen parts of models: constants on tapes, left alone by optimizers, with running moments that stay.
import { checkpoint, customGradient, diff, grad, gradCheck, param } from "@weft/autograd";
import { adam, adamw, chain, minimize, sgd, weightDecay } from "@weft/optim";
import { add, mean, mul, relu, square, sum, type Operand, type Tensor } from "@weft/tensor";
import { openSync } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import {
  BatchNorm,
  batchNorm,
  Chain,
  Dropout,
  Embedding,
  freeze,
  place,
  fromBytes,
  InstanceNorm,
  Linear,
  LSTM,
  mse,
  params,
  summary,
  toBytes,
  trainable,
  training,
  unfreeze,
} from "../src/index.ts";

const { randn, tensor, zeros } = openSync({ seed: 1 });
const x = randn([6, 3], { seed: 1 });
const valuesOf = (model: unknown): unknown => params(model).map((p) => p.value.arraySync());
const loss = (f: (v: Operand) => Tensor) => () => sum(square(f(x)));

test("a frozen part is constant, passes gradients on, and optimizers leave it alone", () => {
  const model = Chain(Linear(3, 4), relu, Linear(4, 4), relu, Linear(4, 2));
  expect(freeze(model[2])).toBe(model[2]);
  expect(params(model).length).toBe(6);
  expect(trainable(model)).toEqual([...params(model[0]), ...params(model[4])]);
  expect(trainable(model, (p, path) => path.startsWith("4") && p.shape.length === 1)).toEqual([model[4].bias]);
  expect(params(model, (_, path) => path.endsWith("bias")).length).toBe(3);
  const tape = diff(loss(model));
  expect(tape.params).toEqual(trainable(model));
  expect(sum(tape.grad(model[2].weight)).itemSync()).toBe(0);
  const whole = diff(() => (unfreeze(model), loss(model)()));
  expect(whole.params.length).toBe(6);
  freeze(model[2]);
  for (const p of tape.params) expect(tape.grad(p).arraySync()).toEqual(whole.grad(p).arraySync());

  const before = valuesOf(model[2]);
  const others = valuesOf(model[0]);
  for (const optimizer of [adam(), adamw({ params: model }), chain(weightDecay(0.1), sgd({ params: model }))]) {
    optimizer.update(diff(loss(model)));
    optimizer.update(whole); // it has gradients from before
    expect(optimizer.stateOf(model[2].weight)).toBeUndefined();
  }
  // What is frozen needs no group.
  adam({ groups: [{ params: [model[0], model[4]] }] }).update(whole);
  expect(valuesOf(model[2])).toEqual(before);
  expect(valuesOf(model[0])).not.toEqual(others);
  unfreeze(model);
  sgd().update(diff(loss(model)));
  expect(valuesOf(model[2])).not.toEqual(before);
});

test("a model that is all frozen does not learn, and says so", async () => {
  const model = freeze(Linear(3, 2));
  expect(diff(loss(model)).params).toEqual([]);
  await expect(minimize((v: Tensor) => mean(model(v)), [x])).rejects.toThrow("and not all frozen?");
  const tape = diff(() => mean(Linear(3, 2)(x)));
  expect(() => sgd({ params: model }).update(tape)).toThrow("among the 2 in params, or they are frozen");
});

test("normalizations use their running moments and keep them, whatever the mode; dropout still drops", () => {
  const model = Chain(Linear(3, 8), BatchNorm(8), Dropout(0.5), Linear(8, 2));
  const norm = model[1];
  training(true, () => model(x)); // moments that are not the initial ones
  const moments = () => [norm.running_mean, norm.running_var, norm.num_batches_tracked].map((s) => s.value.arraySync());
  const before = moments();
  freeze(model);
  const inferred = norm(model[0](x)).arraySync();
  const features = model[0](x);
  const ways = [
    () => norm(features),
    () => norm(features, { training: true }),
    () =>
      batchNorm(features, norm.weight, norm.bias, {
        training: true,
        runningMean: norm.running_mean,
        runningVar: norm.running_var,
      }),
  ];
  for (const way of ways) expect(training(true, way).arraySync()).toEqual(inferred);
  let [one, two] = [0, 0].map(() => training(true, () => model(x)).arraySync());
  expect(one).not.toEqual(two);
  diff(() => sum(model(x)));
  expect(moments()).toEqual(before);
  unfreeze(norm.weight); // the moments are frozen still
  expect(diff(() => sum(model(x))).params).toEqual([norm.weight]);
  expect(moments()).toEqual(before);
  unfreeze(norm);
  diff(() => sum(model(x)));
  expect(moments()).not.toEqual(before);
  // Weights alone
  freeze(params(norm));
  const then = moments();
  diff(() => sum(model(x)));
  expect(moments()).not.toEqual(then);

  const instance = freeze(InstanceNorm(3, { track: true }));
  const v = randn([2, 3, 4]);
  [one, two] = [training(true, () => instance(v)).arraySync(), instance(v).arraySync()];
  expect(one).toEqual(two);
  expect(instance.running_mean!.initialized && sum(instance.running_mean!).itemSync()).toBe(0);
});

test("within a diff: constant where it is used while frozen, as in a GAN's steps", () => {
  const [a, b] = [param(tensor(2)), param(tensor(3))];
  const tape = diff(() => {
    const first = mul(a, b);
    freeze(a);
    const second = mul(mul(a, a), b);
    unfreeze(a);
    return add(first, second);
  });
  expect([tape.grad(a).itemSync(), tape.grad(b).itemSync()]).toEqual([3, 6]);
  freeze(a);
  // What is assigned to a frozen parameter is constant there, too.
  const assigned = diff(() => {
    a.value = mul(b, b);
    return mul(a, b);
  });
  expect([assigned.value.itemSync(), assigned.grad(b).itemSync(), assigned.params]).toEqual([27, 9, [b]]);
  const nested = diff(() => mul(diff(() => mul(mul(a, b), b)).grad(b), b));
  expect([nested.grad(b).itemSync(), nested.params]).toEqual([4 * 9 * 3, [b]]);
  expect(grad((v: Tensor) => mul(a, v))(tensor(5)).itemSync()).toBe(9);
});

test("in checkpoints, gradients by hand, lookups, recurrent layers and asynchronous functions", async () => {
  const f = freeze(Linear(3, 2));
  const w = param(tensor(2));
  const again = checkpoint((v: Tensor) => mul(f(v), w));
  expect(diff(() => sum(again(x))).params).toEqual([w]);
  const moment = diff(() => {
    const y = again(x);
    unfreeze(f); // the second call of f sees it as the first one did
    return sum(y);
  });
  expect([moment.params, f.weight.frozen]).toEqual([[w], false]);
  freeze(f);
  const byHand = customGradient((v: Tensor) => ({ value: mul(v, f.bias!), pullback: (g) => mul(g, f.bias!) }));
  expect(diff(() => sum(mul(byHand(f(x)), w))).params).toEqual([w]);
  const rows = freeze(Embedding(4, 2));
  expect(diff(() => sum(mul(rows(tensor([1, 1], { dtype: "i32" })), w))).params).toEqual([w]);
  const rnn = freeze(LSTM({ in: 3, hidden: 2, stateful: true }));
  const sequence = randn([2, 1, 3]);
  const one = diff(() => mul(sum(rnn(sequence)), w));
  const two = diff(() => mul(sum(rnn(sequence)), w));
  expect([one.params, two.params]).toEqual([[w], [w]]);
  expect(one.value.itemSync()).not.toBe(two.value.itemSync()); // its state goes on
  const waiting = diff(async (t) => {
    await t.wait(new Promise((go) => setTimeout(go, 5)));
    return mul(sum(f(x)), w);
  });
  expect(f(x).shape).toEqual([6, 2]); // a constant may be used meanwhile
  expect((await waiting).params).toEqual([w]);
  const [p, q] = [param(tensor([1, 2], { dtype: "f64" })), freeze(param(tensor([3, 4], { dtype: "f64" })))];
  await gradCheck(() => mul(p, mul(q, q)));
});

test("files do not say what is frozen, and values may be assigned and loaded", async () => {
  const make = () => Chain(Linear(3, 4), BatchNorm(4));
  const [model, other] = [make(), make()];
  const bytes = await toBytes(model);
  freeze(model);
  expect(await toBytes(model)).toEqual(bytes);
  freeze(other[0]);
  fromBytes(bytes, other);
  expect(other(x).arraySync()).toEqual(model(x).arraySync());
  expect(trainable(other).length).toBe(2);
  model[0].bias!.value = zeros([4]);
  expect(sum(model[0].bias!).itemSync()).toBe(0);
  expect(summary(other).split("\n").at(-1)).toBe("24 parameters (16 frozen)");
  expect(() => trainable(model, 1 as never)).toThrow("trainable: wanted a function as the filter, got number 1");
  expect(() => params(model, 1 as never)).toThrow("params: wanted a function as the filter");
});

test("transfer: features of a frozen backbone learn nothing, its head does", () => {
  const backbone = freeze(Chain(Linear(3, 8), BatchNorm(8), relu));
  const model = Chain(backbone, Linear(8, 1));
  const y = randn([6, 1], { seed: 3 });
  model(x);
  const before = valuesOf(backbone);
  const optimizer = adam({ lr: 0.05, params: trainable(model) });
  const first = mse(model(x), y).itemSync();
  for (let k = 0; k < 30; k++) optimizer.update(diff(() => mse(model(x), y)));
  expect(mse(model(x), y).itemSync()).toBeLessThan(0.7 * first);
  expect(valuesOf(backbone)).toEqual(before);
});

test("what is no model is refused: a misspelled name freezes nothing", async () => {
  const model: Record<string, unknown> = { body: Linear(2, 1), bias: null };
  const parts = { freeze, unfreeze, trainable, params, place: (x: unknown) => place(x, openSync({})) };
  for (const [name, f] of Object.entries(parts)) {
    for (const wrong of [model["bdoy"], Promise.resolve(model), 1, "body"])
      await expect((async () => f(wrong))()).rejects.toThrow(`${name}: wanted a model or a part of one`);
    await f(model["bias"]); // a bias that a layer does not have
  }
});
