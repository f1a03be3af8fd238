// A model as a function of its values: second order, states, and what is refused. The values of one model in another,
// and their average.
import { checkpoint, diff, grad, hvp, jacobian, param, scope, state, type Param } from "@weft/autograd";
import { adam, sgd } from "@weft/optim";
import {
  add,
  cast,
  IndexError,
  matmul,
  mean,
  mul,
  sub,
  sum,
  take,
  tanh,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import { open as openCpu, openSync } from "@weft/tensor-cpu";
import { openWebGpu } from "../../../test/webgpu.ts";
import { expect, test } from "vitest";
import {
  BatchNorm,
  Chain,
  clone,
  constant,
  copyInto,
  ema,
  freeze,
  fromBytes,
  functional,
  Linear,
  mse,
  params,
  parameter,
  place,
  readSafetensors,
  toBytes,
  training,
  uniform,
} from "../src/index.ts";

const backend = openSync({ seed: 1 });
const { randn, tensor, zeros } = backend;
const x = randn([4, 3], { seed: 1, dtype: "f64" });
const y = randn([4, 2], { seed: 2, dtype: "f64" });

/** A perceptron in double precision. */
function perceptron() {
  const w = parameter([3, 5], uniform(), { dtype: "f64" });
  const v = parameter([5, 2], uniform(), { dtype: "f64" });
  const self = Object.assign((a: Operand): Tensor => matmul(tanh(matmul(a, self.w)), self.v), { w, v });
  return self;
}
const flat = (values: Readonly<Record<string, Tensor>>): unknown => Object.values(values).map((t) => t.arraySync());

test("the model with other values, which keeps its own", () => {
  const model = perceptron();
  const f = functional(model);
  const before = model(x).arraySync();
  const values = f.values();
  expect(Object.keys(values)).toEqual(["w", "v"]);
  expect(f(values, x).arraySync()).toEqual(before);
  expect(f({}, x).arraySync()).toEqual(before);
  const half = f({ v: mul(values["v"]!, 0.5) }, x);
  expect(half.arraySync()).toEqual(mul(model(x), 0.5).arraySync());
  expect(model(x).arraySync()).toEqual(before);
  // Given parameters take part as such; plain values are constants.
  const other = param(zeros([5, 2], { dtype: "f64" }));
  expect(diff(() => sum(f({ v: other }, x))).params).toEqual([model.w, other]);
  expect(diff(() => add(sum(f(values, x)), sum(other))).params).toEqual([other]);
});

test("gradients by values, of any order: those of a model by its parameters", () => {
  const model = perceptron();
  const f = functional(model);
  const values = f.values(backend);
  const loss = (v: typeof values) => mse(f(v, x), y);
  const tape = diff(() => mse(model(x), y));
  expect(flat(grad(loss)(values))).toEqual([model.w, model.v].map((p) => tape.grad(p).arraySync()));
  const direction = randn([5, 2], { seed: 4, dtype: "f64" });
  const one = (v: Tensor) => mse(f({ v }, x), y);
  const plain = (v: Tensor) => mse(matmul(tanh(matmul(x, model.w.value)), v), y);
  const [wanted, got] = [plain, one].map((h) => hvp(h, [values["v"]!], [direction])[1][0]);
  expect(got!.arraySync()).toEqual(wanted!.arraySync());
  expect(jacobian((v: Tensor) => f({ v }, x))(values["v"]!).shape).toEqual([4, 2, 5, 2]);
});

/** The loss after a gradient step on the loss, as a function of the parameters. */
const inner = 0.3;
function afterStep(w: Tensor, v: Tensor): Tensor {
  const loss = (a: Tensor, b: Tensor) => mse(matmul(tanh(matmul(x, a)), b), y);
  const [gw, gv] = grad(loss, [0, 1])(w, v);
  return loss(sub(w, mul(gw, inner)), sub(v, mul(gv, inner)));
}

/** The same in ways to write it with a model; each is differentiated through the step. */
const ways: Record<string, (model: ReturnType<typeof perceptron>) => Tensor> = {
  "functional, by grad": (model) => {
    const f = functional(model);
    const values = f.values();
    const slopes = grad((v: typeof values) => mse(f(v, x), y))(values);
    const step = (name: "w" | "v") => sub(values[name]!, mul(slopes[name]!, inner));
    return mse(f({ w: step("w"), v: step("v") }, x), y);
  },
  "functional, with a checkpoint in the model": (model) => {
    const f = functional(
      model,
      checkpoint((a: Tensor) => model(a)),
    );
    const values = f.values();
    const slopes = grad((v: typeof values) => mse(f(v, x), y))(values);
    const step = (name: "w" | "v") => sub(values[name]!, mul(slopes[name]!, inner));
    return mse(f({ w: step("w"), v: step("v") }, x), y);
  },
  "a copy that is assigned": (model) => {
    const fast = clone(model);
    const tape = diff(() => mse(fast(x), y));
    for (const p of params(fast)) p.value = sub(p, mul(tape.grad(p), inner));
    return mse(fast(x), y);
  },
  "a copy and an optimizer": (model) => {
    const fast = clone(model);
    sgd({ lr: inner, params: fast }).update(diff(() => mse(fast(x), y)));
    return mse(fast(x), y);
  },
  "a copy of a copy": (model) => {
    const fast = clone(clone(model));
    sgd({ lr: inner, params: fast }).update(diff(() => mse(fast(x), y)));
    return mse(fast(x), y);
  },
  copyInto: (model) => {
    const fast = copyInto(model, perceptron());
    sgd({ lr: inner, params: fast }).update(diff(() => mse(fast(x), y)));
    return mse(fast(x), y);
  },
  "the model itself, whose parameters are assigned": (model) => {
    const tape = diff(() => mse(model(x), y));
    for (const p of params(model)) p.value = sub(p, mul(tape.grad(p), inner));
    return mse(model(x), y);
  },
};

test.each(Object.entries(ways))("steps inside diff are differentiated to second order: %s", (_, way) => {
  const model = perceptron();
  model(x);
  const wanted = grad(afterStep, [0, 1])(model.w.value, model.v.value);
  const tape = diff(() => way(model));
  for (const [k, p] of [model.w, model.v].entries()) {
    const [got, right] = [tape.grad(p).arraySync(), wanted[k]!.arraySync()] as number[][][];
    for (const [i, row] of got!.entries())
      for (const [j, g] of row.entries()) expect(g).toBeCloseTo(right![i]![j]!, 12);
  }
});

test("an assignment that would lose the gradient is an error, not a first-order result", () => {
  const model = perceptron();
  model(x);
  const lossy = () => {
    const tape = diff(() => mse(model(x), y));
    for (const p of params(model)) p.value = sub(p.value, mul(tape.grad(p), inner));
    return mse(model(x), y);
  };
  expect(() => diff(lossy)).toThrow("got a value computed on a tape from its own .value");
});

test("states: those among the values are forgotten after the call, others are the model's", () => {
  const model = Chain(Linear(3, 2), BatchNorm(2));
  const z = randn([4, 3]);
  model(z);
  const f = functional(model);
  const norm = model[1];
  training(true, () => f({ "1.running_mean": zeros([2]) }, z));
  expect(norm.running_mean.value.arraySync()).toEqual([0, 0]);
  expect(norm.num_batches_tracked.value.itemSync()).toBe(1);
  const count = state(tensor(1));
  const twice = Object.assign((v: Operand) => ((count.value = add(count, 1)), mul(v, count)), { count });
  expect(functional(twice)({ count: tensor(5) }, tensor(2)).itemSync()).toBe(12);
  expect(count.value.itemSync()).toBe(1);
  expect(functional({ net: model }, (v: Tensor) => model(v))({ "net.0.bias": tensor([9, 9]) }, z).shape).toEqual([
    4, 2,
  ]);
});

test("what is refused", async () => {
  const model = perceptron();
  const f = functional(model);
  expect(() => f({ u: x }, x)).toThrow("functional: the names are not those of the model: unexpected u");
  expect(() => f({ w: x }, x)).toThrow("functional: w is [4, 3], wanted [3, 5]");
  expect(() => f({ w: tensor([[1]], { dtype: "i32" }) }, x)).toThrow("functional: w is [1, 1]");
  expect(() => f({ v: zeros([5, 2], { dtype: "i32" }) }, x)).toThrow("functional: v is i32, and the model has f64");
  expect(() => f({ v: 3 }, x)).toThrow("functional: wanted a tensor, got the number 3");
  expect(() => f(null as never, x)).toThrow("functional: wanted an object");
  expect(() => f.values()).toThrow("has no value yet");
  expect(f.values(backend)["w"]!.shape).toEqual([3, 5]);
  expect(() => functional({ model } as never)).toThrow("functional: wanted a function as what is called");
  expect(() => functional({ forward: 3 } as never)).toThrow("functional: wanted a function as what is called");
  expect(() => functional(async (v: Tensor) => v)({}, x)).toThrow("functional: wanted a model that returns no promise");
  const tied = Object.assign((v: Tensor) => v, { a: model.w, b: model.w });
  expect(() => functional(tied)({ a: zeros([3, 5]), b: zeros([3, 5]) }, x)).toThrow("functional: b is tied to another");
  expect(Object.keys(functional(Object.assign(model, { w: freeze(model.w) })).values())).toEqual(["v"]);
});

test("copyInto copies all values or none, and says what differs", async () => {
  const make = () => Chain(Linear(3, 4), BatchNorm(4), Linear(4, 2));
  const [from, to] = [make(), make()];
  const z = randn([5, 3]);
  training(true, () => from(z));
  to(z);
  expect(copyInto(from, to)).toBe(to);
  expect(to(z).arraySync()).toEqual(from(z).arraySync());
  sgd({ params: from }).update(diff(() => mean(from(z))));
  expect(to(z).arraySync()).not.toEqual(from(z).arraySync());

  const values = () => params(to).map((p) => p.value.arraySync());
  const before = values();
  const wide = Chain(Linear(3, 4), BatchNorm(4), Linear(4, 3));
  expect(() => copyInto(wide, to)).toThrow(
    "copyInto: the models do not fit: 2.weight is [3, 4], wanted [2, 4]; 2.bias",
  );
  expect(() => copyInto({ more: from }, to)).toThrow("copyInto: the names of the models differ: missing 0.weight");
  expect(() => copyInto(Chain(...from, Linear(2, 2)), to)).toThrow("unexpected 3.weight, 3.bias");
  expect(() => copyInto(1, to)).toThrow("copyInto: wanted an object, an array or a function with parameters");
  expect(() => copyInto({ n: state(tensor(1)) }, { n: state(tensor(1, { dtype: "i32" })) })).toThrow(
    "n is f32, wanted i32",
  );
  const two = { a: param(zeros([2])), b: param(zeros([2])) };
  expect(() => copyInto(two, { a: two.a, b: two.a })).toThrow("a is one parameter under several names");
  expect(copyInto({ a: two.a, b: two.a }, two)).toBe(two);
  expect(values()).toEqual(before);

  // Without values, on another backend, in another dtype.
  const [unborn, later] = [make(), make()];
  copyInto(unborn, later);
  expect(later(z).arraySync()).toEqual(unborn(z).arraySync());
  copyInto(make(), later);
  copyInto(from, make());
  const elsewhere = await place(make(), openSync({ seed: 1 }));
  expect(() => copyInto(from, elsewhere)).toThrow("0.weight is on @weft/tensor-cpu, and that of the other model on");
  const narrow = { w: param(zeros([2], { dtype: "bf16" })) };
  copyInto({ w: param(tensor([1, 2.5])) }, narrow);
  expect([narrow.w.dtype, narrow.w.value.arraySync()]).toEqual(["bf16", [1, 2.5]]);
});

test("ema follows the formula, copies states, is frozen, and is saved and resumed", async () => {
  const make = () => {
    const model = Chain(Linear(3, 2), BatchNorm(2));
    return { model, optimizer: adam({ lr: 0.1, params: model }), average: ema(model, { decay: 0.9, warmup: true }) };
  };
  const tree = make();
  const { model, average } = tree;
  const z = randn([5, 3]);
  model(z);
  let wanted = (model[0].weight.value.arraySync() as number[][]).flat();
  const step = ({ model, optimizer, average }: typeof tree) => {
    optimizer.update(diff(() => mse(model(z), zeros([5, 2]))));
    average.update();
  };
  for (let n = 1; n <= 100; n++) {
    step(tree);
    const d = Math.min(0.9, n / (9 + n));
    const p = (model[0].weight.value.arraySync() as number[][]).flat();
    wanted = wanted.map((a, i) => d * a + (1 - d) * p[i]!);
  }
  const got = (average.model[0].weight.value.arraySync() as number[][]).flat();
  for (const [i, a] of got.entries()) expect(a).toBeCloseTo(wanted[i]!, 5);
  expect(average.model[1].running_mean.value.arraySync()).toEqual(model[1].running_mean.value.arraySync());
  expect(average.model[1].num_batches_tracked.value.itemSync()).toBe(100);
  expect(params(average.model).every((p: Param) => p.frozen)).toBe(true);
  expect(diff(() => mse(average.model(z), model(z))).params).toEqual(params(model));

  const again = make();
  fromBytes(await toBytes(tree), again);
  step(again);
  step(tree);
  const bytes = await toBytes(again);
  expect(bytes).toEqual(await toBytes(tree));
  expect(() => ema(model, { decay: 2 })).toThrow("ema: wanted a number from 0 to 1 as decay, got number 2");
  const early = ema(Linear(2, 2));
  early.update(); // nothing has a value yet
  expect(early.model.weight.initialized).toBe(false);
});

test.each(["cpu", "webgpu"])(
  "averages of 16-bit parameters are f32 from the start, and resume exactly, on %s",
  async (name) => {
    const backend = await (name === "cpu" ? openCpu({ seed: 1 }) : openWebGpu({ seed: 1 }));
    for (const dtype of ["bf16", "f16"] as const) {
      const make = (withValues = true) => {
        const start = backend.tensor([1, 2, 3], { dtype });
        const model = {
          w: param(start),
          late: parameter([2], constant(1), { dtype }),
          seen: state(backend.zeros([2], { dtype })),
        };
        if (withValues) model.late.read(backend);
        return { model, average: ema(model, { decay: 0.99 }) };
      };
      const boxesOf = ({ average: { model } }: ReturnType<typeof make>) => [model.w, model.late, model.seen];
      const dtypes = (tree: ReturnType<typeof make>) => boxesOf(tree).map((box) => box.dtype);
      const wanted = ["f32", "f32", dtype]; // a state is copied as it is
      const step = ({ model, average }: ReturnType<typeof make>) => {
        for (const p of [model.w, model.late]) p.value = cast(p.value.add(0.25), dtype);
        average.update();
      };
      for (const withValues of [true, false]) {
        const tree = make(withValues);
        expect(dtypes(tree)).toEqual(wanted);
        if (!withValues) {
          tree.average.update();
          expect([tree.average.model.late.initialized, dtypes(tree)]).toEqual([false, wanted]);
          tree.model.late.read(backend);
        }
        for (let n = 0; n < 3; n++) step(tree);
        expect(dtypes(tree)).toEqual(wanted);
        const bytes = await toBytes(tree);
        expect(readSafetensors(bytes).tensors.get("average.model.w")!.dtype).toBe("F32");
        const again = fromBytes(bytes, make(withValues));
        const read = (some: ReturnType<typeof make>) =>
          Promise.all([some.model.w, some.model.late, ...boxesOf(some)].map((box) => box.read(backend).data()));
        expect(await read(again)).toEqual(await read(tree));
        for (const each of [tree, again]) step(each);
        expect(await read(again)).toEqual(await read(tree));
      }
    }
  },
);

test("what has no value yet is copied into boxes of another dtype as values are", () => {
  const narrow = () => parameter([2], constant(1.00390625), { dtype: "bf16" }); // between two numbers of bf16
  const wide = () => parameter([2], constant(1.00390625));
  const [a, b] = [{ w: wide() }, { w: narrow() }];
  copyInto({ w: narrow() }, a);
  copyInto({ w: wide() }, b);
  expect([a, b].map(({ w }) => [w.initialized, w.dtype])).toEqual([
    [false, "f32"],
    [false, "bf16"],
  ]);
  const [same, alike] = [{ w: wide() }, { w: narrow() }];
  same.w.value = narrow().read(backend);
  expect(a.w.read(backend).arraySync()).toEqual([1, 1]);
  expect(b.w.read(backend).arraySync()).toEqual(alike.w.read(backend).arraySync());
});

test("an update of an average that is taken back is not counted", () => {
  const model = { p: param(tensor([1, 2])) };
  const average = ema(model);
  const index = cast(tensor([0, 99]), "i32"); // known to the backend only
  expect(() =>
    scope(() => {
      model.p.value = take(tensor([5, 6]), index);
      average.update();
    }),
  ).toThrow(IndexError);
  expect([...average.model.p.value.dataSync()]).toEqual([1, 2]);
  expect(average.updates.lazyValue!.values!()).toEqual(Int32Array.of(0));
});

test("an object with a method forward is called by it", async () => {
  class Net {
    readonly layer = Linear(2, 1, { bias: false });
    forward(x: Tensor, factor: number): Tensor {
      return this.layer(x).mul(factor);
    }
  }
  const net = await place(new Net(), backend);
  const f = functional(net);
  const z = tensor([[1, 2]]);
  const values = { "layer.weight": tensor([[3, 4]]) };
  expect(await f(values, z, 2).array()).toEqual([[22]]);
  expect(await f(f.values(), z, 2).array()).toEqual(await net.forward(z, 2).array());
});
