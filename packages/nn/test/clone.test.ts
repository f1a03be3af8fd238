// Copies of models: they compute what the original computes, with parameters of their own, whatever the model's code
// refers to.
import { checkpoint, customGradient, diff, grad, param, shapes, state, type Param } from "@weft/autograd";
import { adam, sgd } from "@weft/optim";
import { add, matmul, mul, relu, square, sub, sum, tanh, type Operand, type Tensor } from "@weft/tensor";
import { openSync } from "@weft/tensor-cpu";
import { describe, expect, test, vi } from "vitest";
import {
  Attention,
  BatchNorm,
  Chain,
  clone,
  Dropout,
  Embedding,
  freeze,
  fromBytes,
  InstanceNorm,
  layer,
  Linear,
  LSTM,
  ones,
  parameter,
  params,
  Residual,
  RNN,
  seed,
  StateError,
  summary,
  toBytes,
  toKnetWeights,
  training,
  TransformerEncoder,
} from "../src/index.ts";
import { mobilenet_v3_small, resnet18 } from "../src/models/index.ts";

const { randn, tensor, zeros } = openSync({ seed: 1 });
const x = randn([4, 3], { seed: 1 });
type Call = (x: Operand) => Tensor;

class Net {
  first = Linear(3, 5);
  norm = BatchNorm(5);
  last = Linear(5, 2);
  scale = param(tensor([2]));
  inner = Chain((v: Tensor) => this.norm(v), relu);
  arrow = (v: Operand) => this.last(this.inner(this.first(v)));
  forward(v: Operand): Tensor {
    return mul(this.arrow(v), this.scale);
  }
  async total(v: Operand): Promise<number> {
    const y = this.forward(v);
    const before = await sum(y).item();
    return before + (await sum(this.forward(v)).item());
  }
}

/** Models, and how they are called. */
const models: Record<string, () => readonly [model: object, call: (model: never) => Call]> = {
  "a chain of layers and functions": () => [
    Chain(Linear(3, 5), BatchNorm(5), tanh, Residual(Linear(5, 5)), Linear(5, 2)),
    (model: Call) => model,
  ],
  "a function with fields": () => {
    const [first, last] = [Linear(3, 4), Linear(4, 2)];
    return [Object.assign((v: Operand) => last(relu(first(v))), { first, last }), (model: Call) => model];
  },
  "a function of itself": () => {
    const self = Object.assign((v: Operand): Tensor => self.list.reduce((z, f) => f(z), v as Tensor), {
      list: [Linear(3, 4), relu, Linear(4, 2)] as Call[],
    });
    return [self, (model: Call) => model];
  },
  "parameters in a closure": () => {
    const [w, b] = [param(randn([3, 2])), param(zeros([2]))];
    return [Object.assign((v: Operand) => add(matmul(v, w), b), { w, b }), (model: Call) => model];
  },
  "an object with functions": () => {
    const model = {
      parts: new Map([
        ["first", Linear(3, 4)],
        ["last", Linear(4, 2)],
      ]),
      call: (v: Operand) => model.parts.get("last")!(tanh(model.parts.get("first")!(v))),
    };
    return [model, (m: { call: Call }) => m.call];
  },
  "a layer of one's own": () => {
    const self = layer("Scale", (v: Operand) => mul(v, self.weight), { weight: parameter([3], ones()) });
    return [self, (model: Call) => model];
  },
  "a class": () => [new Net(), (net: Net) => (v) => net.forward(v)],
  "tied weights": () => {
    const first = Linear(3, 3);
    return [
      { first, second: first, weight: first.weight },
      (m: { first: Call; second: Call }) => (v) => m.second(m.first(v)),
    ];
  },
  "a checkpoint": () => {
    const [first, last] = [Linear(3, 4), Linear(4, 2)];
    const block = checkpoint((v: Tensor) => last(tanh(first(v))));
    return [Object.assign((v: Operand) => block(v as Tensor), { first, last }), (model: Call) => model];
  },
  "a gradient by hand that reads a parameter": () => {
    const self = layer(
      "Mine",
      (v: Operand) =>
        customGradient((a: Tensor, w: Tensor) => ({
          value: mul(a, w),
          pullback: (g) => [mul(g, self.weight.value), sum(mul(g, a), { axis: 0 })],
        }))(v, self.weight),
      { weight: parameter([3], ones()) },
    );
    return [self, (model: Call) => model];
  },
};

/** Moves every parameter. */
function learn(model: object, call: Call, on: Tensor = x): void {
  sgd({ lr: 0.1, params: model }).update(diff(() => sum(square(call(on)))));
}
const valuesOf = (model: object): unknown => params(model).map((p) => p.value.arraySync());

describe.each(Object.entries(models))("%s", (_, make) => {
  test("the copy computes the same, learns alone, and has the gradients of its own parameters", async () => {
    seed(3);
    const [model, callOf] = make();
    const call = callOf(model as never);
    const unborn = clone(model);
    const before = call(x).arraySync();
    expect(callOf(unborn as never)(x).arraySync()).toEqual(before);
    const copy = clone(model);
    const copied = callOf(copy as never);
    expect(params(copy).length).toBe(params(model).length);
    expect(params(copy).some((p) => params(model).includes(p))).toBe(false);
    const tape = diff(() => sum(square(copied(x))));
    expect(new Set(tape.params)).toEqual(new Set(params(copy)));
    const wanted = diff(() => sum(square(call(x))));
    for (const [k, p] of params(copy).entries())
      expect(tape.grad(p).arraySync()).toEqual(wanted.grad(params(model)[k]!).arraySync());

    const old = valuesOf(model);
    learn(copy, copied);
    expect(valuesOf(model)).toEqual(old);
    expect(call(x).arraySync()).not.toEqual(copied(x).arraySync());
    expect(callOf(unborn as never)(x).arraySync()).toEqual(before);
    learn(model, call);
    expect(valuesOf(copy)).toEqual(valuesOf(model));
    expect(training(false, () => copied(x)).arraySync()).toEqual(training(false, () => call(x)).arraySync());
    // Files have the same names.
    const bytes = await toBytes(copy);
    learn(model, call);
    fromBytes(bytes, model);
    expect(valuesOf(copy)).toEqual(valuesOf(model));
    expect(String(copy)).toBe(String(model));
  });

  test("a copy of a copy runs the first, and nothing of those between", () => {
    const [model, callOf] = make();
    const between = clone(model);
    callOf(between as never)(x);
    for (const p of params(between)) p.value = mul(p.value, 3);
    const copy = clone(between);
    const [wanted, other] = [between, copy].map((m) => callOf(m as never)(x).arraySync());
    expect(other).toEqual(wanted);
    learn(between, callOf(between as never));
    expect(callOf(copy as never)(x).arraySync()).toEqual(wanted);
    const both = clone({ model, between, copy });
    for (const name of ["model", "between", "copy"] as const) {
      const part = { model, between, copy }[name];
      expect(callOf(both[name] as never)(x).arraySync()).toEqual(callOf(part as never)(x).arraySync());
      const tape = diff(() => sum(callOf(both[name] as never)(x)));
      expect(new Set(tape.params)).toEqual(new Set(params(both[name])));
    }
  });
});

test("fields of a copy can be changed: probabilities, layers, and those a call assigns", () => {
  const body = Chain(Linear(3, 4), Dropout(0.5));
  const self: Call & { body: typeof body; head: Call | null; calls: number } = Object.assign(
    (v: Operand) => {
      self.calls++;
      return self.head === null ? self.body(v) : self.head(self.body(v));
    },
    { body, head: Linear(4, 2) as Call | null, calls: 0 },
  );
  const copy = clone(self);
  copy.body[1].p = 0;
  expect(training(true, () => copy(x)).arraySync()).toEqual(self(x).arraySync());
  copy.head = Linear(4, 7);
  expect([copy(x).shape, self(x).shape]).toEqual([[4, 7], [4, 2]]); // oxfmt-ignore
  copy.head = null;
  expect(copy(x).shape).toEqual([4, 4]);
  expect([copy.calls, self.calls, self.body[1].p]).toEqual([3, 2, 0.5]);
  self.head = null;
  expect(self(x).shape).toEqual([4, 4]);
  const other = copy.body[0].weight;
  copy.body[0].weight = param(zeros([4, 3]));
  copy.body[0].bias = null;
  expect(sum(copy(x)).itemSync()).toBe(0);
  expect(diff(() => sum(copy(x))).params).not.toContain(other);
  // An error in a call leaves both as they were.
  const names = [Object.keys(self), Object.keys(copy)];
  expect(() => copy(randn([4, 9]))).toThrow("Linear: weight [4, 3] wants x");
  expect([Object.keys(self), Object.keys(copy)]).toEqual(names);
  expect([self.body === body, copy.body === body]).toEqual([true, false]);
});

test("recurrent layers have their methods, and a state of their own", () => {
  const rnn = LSTM({ in: 3, hidden: 4, stateful: true });
  const v = randn([2, 5, 3]);
  rnn(v);
  const copy = clone(rnn);
  expect([rnn.state === undefined, copy.state]).toEqual([false, undefined]);
  const { y, h } = copy.run(v);
  expect(copy.state!.h.arraySync()).toEqual(h.arraySync());
  const state = rnn.state!.h.arraySync();
  copy(v);
  expect(rnn.state!.h.arraySync()).toEqual(state);
  copy.reset();
  expect(copy.state).toBeUndefined();
  rnn.reset();
  expect(rnn(v).arraySync()).toEqual(y.arraySync());
  const plain = RNN({ type: "tanh", in: 3, hidden: 4 });
  plain(v);
  const weights = toKnetWeights(plain).arraySync();
  const other = clone(plain);
  for (const p of params(plain)) p.value = mul(p.value, 2);
  expect(toKnetWeights(other).arraySync()).toEqual(weights);
});

test("attention, transformers, embeddings and the models known by name", () => {
  const v = randn([3, 2, 4]);
  const attend = Attention({ features: 4, heads: 2 });
  expect(clone(attend).run(v).weights.arraySync()).toEqual(attend.run(v).weights.arraySync());
  const encoder = TransformerEncoder({ features: 4, heads: 2, hidden: 4, layers: 2 });
  const copy = clone(encoder);
  expect(copy(v, { causal: true }).arraySync()).toEqual(encoder(v, { causal: true }).arraySync());
  expect(copy.layers).not.toBe(encoder.layers);
  const rows = clone(Embedding(5, 2));
  const tape = diff(() => sum(rows(tensor([1, 1], { dtype: "i32" }))));
  expect(tape.sparseGrad(rows.weight)).toBeDefined();
  for (const model of [resnet18({ numClasses: 3 }), mobilenet_v3_small({ numClasses: 3 })]) {
    const other = clone(model);
    expect(shapes(other, [2, 3, 32, 32])).toEqual({ shape: [2, 3], dtype: "f32" } as never);
    expect(summary(other)).toBe(summary(model));
    expect(summary(other, [1, 3, 32, 32])).toBe(summary(model, [1, 3, 32, 32]));
  }
});

test("running moments, counts, dtypes and what is frozen", async () => {
  const model = Chain(Linear(3, 4), BatchNorm(4), InstanceNorm(4, { track: true }));
  learn(model, Chain(model[0], model[1]));
  freeze(model[0]);
  const copy = clone(model);
  expect([...copy].map((part) => params(part).map((p) => p.frozen))).toEqual([[true, true], [false, false], []]);
  learn(copy, Chain(copy[0], copy[1]));
  expect(copy[1].num_batches_tracked.value.itemSync()).toBe(2);
  expect(model[1].num_batches_tracked.value.itemSync()).toBe(1);
  expect((await toBytes(copy)).length).toBe((await toBytes(model)).length);
  expect([...copy].length).toBe(3);
  expect(copy.length).toBe(3);
  const [a, b] = [...clone(Chain(Linear(3, 2), relu))];
  expect(b!(a!(x)).shape).toEqual([4, 2]);
});

test("what is shared and what is copied: tensors, arrays of numbers, dates, and cycles", () => {
  const table = tensor([1, 2]);
  const model: Record<string, unknown> = {
    table,
    when: new Date(0),
    numbers: Float32Array.of(1),
    set: new Set([param(tensor(1))]),
    config: { deep: [1, { two: 2 }] },
    count: state(tensor(3)),
    nothing: null,
    text: "text",
  };
  model["self"] = model;
  const copy = clone(model);
  expect(copy["self"]).toBe(copy);
  expect(copy["table"]).toBe(table);
  expect(copy["when"]).toBe(model["when"]);
  expect(copy["numbers"]).toEqual(model["numbers"]);
  expect(copy["numbers"]).not.toBe(model["numbers"]);
  expect(copy["config"]).toEqual(model["config"]);
  expect(copy["config"]).not.toBe(model["config"]);
  expect([...(copy["set"] as Set<Param>)][0]).not.toBe([...(model["set"] as Set<Param>)][0]);
  expect(Object.keys(copy)).toEqual(Object.keys(model));
});

test("within a diff the copy is computed from the original: inner steps on it are differentiated", () => {
  const number = (n: number) => tensor(n, { dtype: "f64" });
  const w = param(number(3));
  const model = Object.assign((v: Tensor) => mul(w, v), { w });
  // One step from w on (w·1)², with rate 0.1: u = w − 0.2·w = 0.8·w; the loss is (2·u)², and its derivative 4·0.64·2·w
  const outer = diff(() => {
    const fast = clone(model);
    const inner = diff(() => square(fast(number(1))));
    fast.w.value = sub(fast.w, mul(inner.grad(fast.w), 0.1));
    return square(fast(number(2)));
  });
  expect(outer.grad(w).itemSync()).toBeCloseTo(4 * 0.64 * 2 * 3, 10);
  const plain = clone(model);
  plain.w.value = number(5);
  expect(grad((v: Tensor) => mul(plain(v), v))(tensor(2)).itemSync()).toBe(20);
});

test("methods of classes: inherited ones, those of the instance, and asynchronous ones", async () => {
  class Wide extends Net {
    override forward(v: Operand): Tensor {
      return mul(super.forward(v), 2);
    }
    get [Symbol.toStringTag](): string {
      return "Wide";
    }
    get twice(): Tensor {
      return mul(this.scale, 2);
    }
    later(v: Operand): Promise<number> {
      return Promise.resolve().then(() => this.total(v));
    }
  }
  const net = new Wide();
  const copy = clone(net);
  expect(copy).toBeInstanceOf(Wide);
  const before = sum(net.forward(x)).itemSync();
  for (const p of params(net)) p.value = mul(p.value, 2);
  expect(sum(copy.forward(x)).itemSync()).toBe(before);
  expect(await copy.total(x)).toBeCloseTo(2 * before, 4);
  expect(await copy.later(x)).toBeCloseTo(2 * before, 4);
  expect([copy.twice, net.twice].map((t) => t.arraySync())).toEqual([[4], [8]]);
  expect(Object.keys(copy)).toEqual(Object.keys(net));
  copy.forward = (v) => mul(v, 0);
  expect(await copy.total(x)).toBe(0);
  expect(sum(clone(copy).forward(x)).itemSync()).toBe(0);
});

test("a copy on a tape with its original is not taken for a hidden part of it", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
  const [w, b] = [param(zeros([3, 2])), param(zeros([2]))];
  const model = Object.assign((v: Operand) => add(matmul(v, w), b), { w, b });
  const copy = clone(model);
  sgd({ params: copy }).update(diff(() => sum(square(sub(copy(x), model(x))))));
  await toBytes(model);
  await toBytes(copy);
  expect(warn).not.toHaveBeenCalled();
  warn.mockRestore();
});

test("an accessor that throws leaves the original as it was", () => {
  let fails = false;
  const layers = { first: Linear(3, 2) };
  const model = { layers, call: (v: Operand) => layers.first(v), late: { get loss() { if (fails) throw new Error("no loss yet"); return 0; } } }; // oxfmt-ignore
  const copy = clone(model);
  const { first } = layers;
  fails = true;
  expect(() => copy.call(x)).toThrow("no loss yet");
  expect([layers.first === first, copy.layers.first === first]).toEqual([true, false]);
  fails = false;
  expect(copy.call(x).arraySync()).toEqual(model.call(x).arraySync());
});

test("a generator's steps work on the copy", () => {
  const w = param(tensor([1, 2]));
  const model = {
    w,
    *halves() {
      for (let k = 0; k < 3; k++) yield (w.value = mul(w, 0.5));
      return w.value;
    },
  };
  const copy = clone(model);
  const steps = copy.halves();
  expect([...steps].map((y) => y.arraySync())).toEqual([[0.5, 1], [0.25, 0.5], [0.125, 0.25]]); // oxfmt-ignore
  expect([w, copy.w].map((p) => p.value.arraySync())).toEqual([[1, 2], [0.125, 0.25]]); // oxfmt-ignore
  const [a, b] = [copy.halves(), model.halves()];
  for (const each of [a, b, a, b]) each.next();
  expect([w, copy.w].map((p) => p.value.arraySync())).toEqual([[0.25, 0.5], [0.03125, 0.0625]]); // oxfmt-ignore
  expect(a.return(tensor([0, 0])).done).toBe(true);
});

test("refuses what it cannot copy, and says why", () => {
  expect(() => clone(3)).toThrow(
    "clone: wanted an object, an array or a function with parameters as the model, got number 3",
  );
  expect(() => clone({ model: Linear(3, 2), optimizer: adam() })).toThrow("clone: an optimizer cannot be copied");
  const inner = Linear(3, 3);
  const hiding = Chain((v: Tensor) => inner(v), Linear(3, 2));
  hiding(x);
  expect(() => clone(hiding)).toThrow(StateError);
  expect(() => clone(hiding)).toThrow("would be shared with the copy: f32[3,3], f32[3]");
  const early = clone({ run: async function* run() { yield await Promise.resolve(1); } }); // oxfmt-ignore
  expect(() => early.run()).toThrow("clone: a function in a copy of a model is asynchronous");
  const late = clone({ run: async (v: Tensor) => v });
  expect(() => late.run(x)).toThrow("clone: a function in a copy of a model is asynchronous: after an await it");
  const first = clone({ Linear: Net, f: Math.max });
  expect(first.Linear).toBe(Net);
  expect(first.f(1, 2)).toBe(2);
});

test("a #private field that a copy does not have is named as such", () => {
  class Scale {
    readonly weight = param(tensor([2]));
    readonly #factor = 3;
    forward(x: Tensor): Tensor {
      return mul(mul(x, this.weight), this.#factor);
    }
    broken(): never {
      throw new TypeError("mine");
    }
  }
  const copy = clone(new Scale());
  expect(() => copy.forward(tensor([1]))).toThrow("clone: forward uses a #private field, which a copy of its object");
  expect(() => copy.broken()).toThrow(new TypeError("mine"));
});

test("accessors and asynchronous methods explain a #private field, too", async () => {
  class Scale {
    readonly weight = param(tensor([2]));
    #factor = 3;
    get factor(): number {
      return this.#factor;
    }
    set factor(x: number) {
      this.#factor = x;
    }
    get size(): number {
      return this.weight.shape[0]!;
    }
    async later(): Promise<number> {
      await Promise.resolve();
      return this.#factor;
    }
    get broken(): never {
      throw new TypeError("mine");
    }
  }
  for (const copy of [clone(new Scale()), clone(clone(new Scale()))]) {
    const message = (what: string) =>
      `clone: ${what} uses a #private field, which a copy of its object does not have. Make it a field without #`;
    expect(() => copy.factor).toThrow(message("the getter of factor"));
    expect(() => (copy.factor = 1)).toThrow(message("the setter of factor"));
    await expect(copy.later()).rejects.toThrow(message("later"));
    expect(() => copy.broken).toThrow(new TypeError("mine"));
    expect(copy.size).toBe(1);
  }
});

test("a method of a subclass that is no plain function is not hidden by that of its base", async () => {
  class Base {
    readonly weight = param(tensor([2]));
    name(): unknown {
      return "base";
    }
    items(): Iterable<string> {
      return ["base"];
    }
  }
  class Derived extends Base {
    override async name(): Promise<string> {
      return Promise.resolve("derived");
    }
    override *items(): Iterable<string> {
      yield "derived";
    }
  }
  const copy = clone(new Derived());
  expect([await copy.name(), ...copy.items()]).toEqual(["derived", "derived"]);
});
