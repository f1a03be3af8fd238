// Layers: their formulas, PyTorch's names, and parameters that are initialized on the backend of the data.
import { diff, grad, param, state, vjp } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { add, mul, relu, sum, transpose, type Operand, type Tensor } from "@weft/tensor";
import { beforeEach, expect, expectTypeOf, test } from "vitest";
import {
  AvgPool,
  BatchNorm,
  Chain,
  Conv,
  Dropout,
  Embedding,
  GRU,
  LayerNorm,
  layerNorm,
  Linear,
  LSTM,
  MaxPool,
  type Link,
} from "../src/index.ts";
import {
  batchNorm,
  dropout,
  layer,
  ones,
  parameter,
  params,
  running,
  seed,
  training,
  uniform,
  xavier,
  normal,
  zeros,
} from "../src/index.ts";
import { boxes } from "../src/tree.ts";

const backend = openSync();
const { tensor, randn } = backend;
const list = async (x: Tensor) => [...(await x.data())];
const names = (model: unknown) => boxes(model).map(({ path, box }) => `${path} [${box.shape}]`);

beforeEach(() => seed(0));

test("Linear is x Wᵀ + b over any number of axes", async () => {
  const f = Linear(3, 2);
  const x = randn([4, 5, 3], { seed: 1 });
  const y = f(x);
  expect(y.shape).toEqual([4, 5, 2]);
  const [w, b, rows] = [await list(f.weight.value), await list(f.bias!.value), await list(x)];
  const wanted = Array.from({ length: 40 }, (_, i) => {
    const [row, o] = [Math.floor(i / 2), i % 2];
    return [0, 1, 2].reduce((n, k) => n + rows[row * 3 + k]! * w[o * 3 + k]!, b[o]!);
  });
  expect(await list(y)).toEqual(wanted.map((v) => expect.closeTo(v, 12)));
  expect((await f(tensor([1, 2, 3])).data()).length).toBe(2);
  const bytes = tensor(new Uint8Array([1, 2, 3]));
  expect(await list(f(bytes))).toEqual(await list(f(tensor([1, 2, 3]))));
  expect(f(tensor([1, 2, 3], { dtype: "f64" })).dtype).toBe("f64");
  expect(Linear(3, 2, { bias: false }).bias).toBeNull();
});

test("first values: PyTorch's by default, another initializer by option, the same after the same seed", async () => {
  const f = Linear(100, 50);
  f(randn([1, 100]));
  const w = await list(f.weight.value);
  expect(Math.max(...w)).toBeLessThan(0.1);
  expect(Math.max(...w)).toBeGreaterThan(0.0995);
  expect(Math.min(...w)).toBeLessThan(-0.0995);
  expect(new Set(w).size).toBeGreaterThan(4990);
  const g = Linear(2, 3, { init: ones(), biasInit: uniform(5, 6) });
  const y = await list(g(tensor([[1, 1]])));
  expect(y.every((v) => v >= 7 && v < 8) && new Set(y).size === 3).toBe(true);
  seed(0);
  const again = Linear(100, 50);
  again(randn([1, 100]));
  expect(await list(again.weight.value)).toEqual(w);
  const other = Linear(100, 50);
  other(randn([1, 100]));
  expect(await list(other.weight.value)).not.toEqual(w);
});

test("a parameter's values do not depend on where or when it is initialized", async () => {
  const build = () => (seed(7), Chain(Linear(4, 8), relu, Linear(8, 2, { init: xavier() })));
  const [a, b] = [build(), build()];
  const second = openSync({ seed: 99, rounding: true });
  second.rand([10]);
  b(second.randn([1, 4]));
  randn([3]);
  diff(() => sum(a(randn([2, 4]))));
  for (const [k, p] of params(a).entries()) {
    expect(p.backend).toBe(backend);
    expect(params(b)[k]!.backend).toBe(second);
    expect(await list(p.value)).toEqual(await list(params(b)[k]!.value));
  }
});

test("a layer on one backend rejects tensors of another, naming both", () => {
  const f = Linear(2, 2);
  f(tensor([[1, 2]]));
  expect(() => f(openSync({}).tensor([[1, 2]]))).toThrow(expect.objectContaining({ name: "BackendMismatchError" }));
});

test("a parameter that is initialized inside diff has its gradient there", async () => {
  const f = Linear(3, 2);
  const tape = diff(() => sum(f(tensor([[1, 2, 3]]))));
  expect(tape.params).toEqual([f.weight, f.bias]);
  expect(await list(tape.grad(f.weight))).toEqual([1, 2, 3, 1, 2, 3]);
  expect(await list(tape.grad(f.bias!))).toEqual([1, 1]);
});

test("reading a parameter that is not initialized is an error that says how to initialize it", () => {
  const f = Linear(3, 2);
  expect(() => transpose(f.weight)).toThrow(
    "param: this f32[2,3] has no value yet: a parameter takes its first or its loaded values on the backend of the first tensor it meets",
  );
});

test("Conv and pooling: ranks follow from the kernel", async () => {
  const image = Conv({ in: 1, out: 20, kernel: 5 });
  expect(names(image)).toEqual(["weight [20,1,5,5]", "bias [20]"]);
  expect(MaxPool(2)(image(randn([2, 1, 28, 28]))).shape).toEqual([2, 20, 12, 12]);
  const text = Conv({ in: 4, out: 6, kernel: [3], padding: 1, groups: 2, bias: false });
  expect(names(text)).toEqual(["weight [6,2,3]"]);
  expect(text(randn([2, 4, 9])).shape).toEqual([2, 6, 9]);
  const volume = Conv({ in: 1, out: 2, kernel: [2, 2, 2], stride: 2, init: ones(), biasInit: ones() });
  expect(await list(volume(backend.ones([1, 1, 2, 2, 2])))).toEqual([9, 9]);
  expect(await list(AvgPool({ window: 2, stride: 1 })(tensor([[[1, 3, 5]]])))).toEqual([2, 4]);
  expect(await list(MaxPool({ window: 3, stride: 2, padding: 1 })(tensor([[[1, 2, 3, 4]]])))).toEqual([2, 4]);
});

test("an Embedding's row of padding is 0 at first, and is not learned", async () => {
  const i = tensor([2, 0, 2, 1], { dtype: "i32" });
  for (const paddingIndex of [2, -1]) {
    const words = Embedding(3, 2, { paddingIndex, init: ones() });
    expect(words(i).shape).toEqual([4, 2]);
    expect(await words.weight.value.array()).toEqual([[1, 1], [1, 1], [0, 0]]); // oxfmt-ignore
    words.weight.value = tensor([[1, 2], [3, 4], [5, 6]]); // oxfmt-ignore
    const f = () => sum(words(i));
    expect(await f().item()).toBe(32);
    const g = diff(f).grad(words.weight);
    expect(await g.array()).toEqual([[1, 1], [1, 1], [0, 0]]); // oxfmt-ignore
  }
  expect(() => Embedding(3, 2, { paddingIndex: 3 })).toThrow("Embedding: wanted a paddingIndex from -3 to 2, got 3");
});

test("Embedding takes rows, and its gradient is row-sparse", async () => {
  const words = Embedding(10, 4);
  const indices = tensor(
    [
      [3, 1],
      [3, 3],
    ],
    { dtype: "i32" },
  );
  const y = words(indices);
  expect(y.shape).toEqual([2, 2, 4]);
  const w = await list(words.weight.value);
  expect((await list(y)).slice(4, 8)).toEqual(w.slice(4, 8));
  const tape = diff(() => sum(words(indices)));
  expect(await list(tape.sparseGrad(words.weight)!.indices)).toEqual([3, 1, 3, 3]);
  expect((await list(tape.grad(words.weight))).slice(4, 16)).toEqual([1, 1, 1, 1, 0, 0, 0, 0, 3, 3, 3, 3]);
});

test("BatchNorm updates its moments as PyTorch does while training, and uses them otherwise", async () => {
  const f = BatchNorm(2, { momentum: 0.5, eps: 0 });
  expect(names(f)).toEqual(["weight [2]", "bias [2]", "running_mean [2]", "running_var [2]", "num_batches_tracked []"]);
  const x = tensor([
    [1, 10],
    [3, 30],
  ]);
  expect(await list(f(x, { training: true }))).toEqual([-1, -1, 1, 1].map((v) => expect.closeTo(v, 12)));
  // Unbiased variances are 2 and 200.
  expect(await list(f.running_mean.value)).toEqual([1, 10]);
  expect(await list(f.running_var.value)).toEqual([1.5, 100.5].map((v) => expect.closeTo(v, 12)));
  expect(await list(f(tensor([[1, 10]])))).toEqual([expect.closeTo(0, 12), expect.closeTo(0, 12)]);
  diff(() => sum(f(x)));
  expect(await list(f.num_batches_tracked.value)).toEqual([2]);
  expect(await list(f.running_mean.value)).toEqual([1.5, 15]);
  expect(params(f)).toEqual([f.weight, f.bias]);
});

test("batchNorm updates a state, and leaves a tensor alone", async () => {
  const x = tensor([[1], [3]]);
  const [mean, variance, given] = [state(tensor([0])), state(tensor([1])), tensor([5])];
  batchNorm(x, 1, 0, { training: true, runningMean: mean, runningVar: variance });
  expect(await list(mean.value)).toEqual([expect.closeTo(0.2, 12)]);
  expect(await list(variance.value)).toEqual([expect.closeTo(0.9 + 0.2, 12)]);
  batchNorm(x, null, null, { training: true, runningMean: given, runningVar: param(tensor([1])) });
  expect(await list(given)).toEqual([5]);
  expect(() => batchNorm(x, null, null)).toThrow(
    "batchNorm: wanted runningMean and runningVar, since training is false",
  );
  expect(() => batchNorm(tensor([[1, 2]]), null, null, { training: true })).toThrow(
    "batchNorm: wanted more than one value per channel while training, got x [1, 2]",
  );
  expect(() => batchNorm(x, tensor([1, 2]), null, { training: true })).toThrow(
    "batchNorm: x [2, 1] has 1 channels, weight has the shape [2]",
  );
});

test("dropout: inside diff by default, a mask of the right density that is kept for the gradient", async () => {
  const x = backend.ones([100, 100]);
  expect(await list(dropout(x, 0.3))).toEqual(await list(x));
  const y = await list(dropout(x, 0.3, { training: true }));
  const kept = y.filter((v) => v !== 0);
  expect(kept.length / y.length).toBeGreaterThan(0.68);
  expect(kept.length / y.length).toBeLessThan(0.72);
  expect(new Set(kept.map((v) => v.toFixed(12)))).toEqual(new Set([(1 / 0.7).toFixed(12)]));
  const p = param(backend.zeros([50]));
  let out: Tensor | undefined;
  const mask = state(backend.zeros([50]));
  const tape = diff(() => {
    out = dropout(p.read().add(1), 0.5);
    mask.value = out;
    return sum(out);
  });
  // The gradient is the mask itself, times 1 / (1 − p), also where the input was zero.
  expect(await list(tape.grad(p))).toEqual(await list(mask.value));
});

test("dropout: a seed makes the mask, and the ends of p", async () => {
  const x = backend.ones([64]);
  const draw = (options: object) => list(dropout(x, 0.5, { training: true, ...options }));
  expect(await draw({ seed: 3 })).toEqual(await draw({ seed: 3 }));
  expect(await draw({ seed: 3 })).not.toEqual(await draw({ seed: 4 }));
  expect(await draw({})).not.toEqual(await draw({}));
  expect(await list(dropout(x, 0, { training: true }))).toEqual(await list(x));
  expect(await list(dropout(tensor([1, Infinity]), 1, { training: true }))).toEqual([0, 0]);
  expect(() => dropout(x, 1.5)).toThrow("dropout: wanted a number from 0 to 1 as p, got number 1.5");
  expect(await list(Dropout(0.5)(x))).toEqual(await list(x));
  expect(await list(Dropout(0.5)(x, { training: true }))).not.toEqual(await list(x));
});

test("Chain keeps the types of its links", async () => {
  const model = Chain(
    Linear(4, 8),
    relu,
    Chain(Linear(8, 2), (x: Tensor) => x.square()),
    MaxPool(2),
  );
  expectTypeOf(model[0]).toEqualTypeOf<Linear>();
  expectTypeOf(model[1]).toEqualTypeOf<typeof relu>();
  expectTypeOf(model[2][0].bias).toEqualTypeOf<Linear["bias"]>();
  expectTypeOf(model[2].length).toEqualTypeOf<2>();
  expectTypeOf(model).parameter(0).toEqualTypeOf<Operand>();
  expectTypeOf(model).returns.toEqualTypeOf<Tensor>();
  expect([model[0].weight.shape, model[2][0].weight.shape]).toEqual([
    [8, 4],
    [2, 8],
  ]);
  for (const link of model) expectTypeOf(link).toExtend<(x: any) => Tensor>();
  const links: Link[] = [relu, Linear(1, 1)];
  const any: Chain = Chain(...links);
  expectTypeOf(any[0]!).toEqualTypeOf<Link>();
  expect(any.length).toBe(2);
  const passed: Chain = Chain(Linear(1, 1, { init: ones(), biasInit: zeros() }), relu);
  expect(await list(passed(tensor([[2]])))).toEqual([2]);
  const [first] = model;
  expect(first).toBe(model[0]);
});

test("Chain has PyTorch's names, and is a list of its links", async () => {
  const model = Chain(Conv({ in: 1, out: 2, kernel: 3 }), relu, MaxPool(2), Chain(Linear(4, 3)), (x: Tensor) =>
    x.mul(2),
  );
  expect(names(model)).toEqual(["0.weight [2,1,3,3]", "0.bias [2]", "3.0.weight [3,4]", "3.0.bias [3]"]);
  expect([...model].length).toBe(5);
  expect(model.length).toBe(5);
  expect(model[1]).toBe(relu);
  expect(await list(Chain()(tensor([1])))).toEqual([1]);
});

test("params: any tree, each once, in the order of discovery", () => {
  const shared = param(tensor([1]));
  const f = Linear(1, 1);
  class Model {
    first = shared;
    map = new Map<string, unknown>([["f", f]]);
    list = [shared, { deep: param(tensor([2])) }];
    notes = "text";
    data = new Float32Array(3);
    where = backend;
    self = this;
  }
  const model = new Model();
  expect(names(model)).toEqual(["first [1]", "map.f.weight [1,1]", "map.f.bias [1]", "list.1.deep [1]"]);
  expect(params(model).length).toBe(4);
  expect(params(shared)).toEqual([shared]);
  expect(params([])).toEqual([]);
});

test("a custom layer", async () => {
  const Scale = (n: number) => {
    const self = layer("Scale", (x: Tensor) => x.mul(self.weight), {
      weight: parameter([n], zeros()),
    }) as ((x: Tensor) => Tensor) & { weight: ReturnType<typeof parameter> };
    return self;
  };
  const model = Chain(Scale(2), Scale(2));
  expect(names(model)).toEqual(["0.weight [2]", "1.weight [2]"]);
  expect(await list(model(tensor([1, 2])))).toEqual([0, 0]);
  expect(model[0]!.name).toBe("Scale");
});

test("the gradient of a layer is a function, too", async () => {
  const f = Linear(2, 1, { init: ones(), biasInit: zeros() });
  const slope = grad((x: Tensor) => sum(relu(f(x))));
  expect(
    await list(
      slope(
        tensor([
          [1, 2],
          [-3, 1],
        ]),
      ) as Tensor,
    ),
  ).toEqual([1, 1, 0, 0]);
});

const first = tensor([0], { dtype: "i32" });
const wrong: [string, () => unknown, string][] = [
  ["features", () => Linear(3, 2)(tensor([[1, 2]])), "Linear: weight [2, 3] wants x of shape […, 3], got [1, 2]"],
  [
    "channels",
    () => Conv({ in: 3, out: 2, kernel: 3 })(randn([1, 1, 5, 5])),
    "Conv: a kernel of [3, 3] over 3 channels wants x of shape [N, 3, …, …], got [1, 1, 5, 5]",
  ],
  [
    "a kernel of four axes",
    () => Conv({ in: 1, out: 1, kernel: [1, 1, 1, 1] }),
    "Conv: wanted a kernel with 1 to 3 axes, got [1, 1, 1, 1]",
  ],
  [
    "an initializer that was not called",
    () => Linear(3, 2, { init: xavier as never })(tensor([[1, 2, 3]])),
    "init: the initializer threw for shape [2, 3]: xavierUniform: wanted options { gain }, got [2, 3]. Call functions that make initializers: init: normal()",
  ],
  [
    "another one",
    () => Linear(3, 2, { init: zeros as never })(tensor([[1, 2, 3]])),
    "init: wanted an initializer, got a function that makes one. Call it: zeros()",
  ],
  ...[undefined, 0].flatMap((paddingIndex): [string, () => unknown, string][] => [
    [
      `another one, with padding ${paddingIndex}`,
      () => Embedding(4, 2, { init: zeros as never, paddingIndex: paddingIndex! })(first),
      "init: wanted an initializer, got a function that makes one. Call it: zeros()",
    ],
    [
      `an initializer that makes nothing, with padding ${paddingIndex}`,
      () => Embedding(4, 2, { init: (() => undefined) as never, paddingIndex: paddingIndex! })(first),
      "init: wanted 8 values for [4, 2], the initializer made undefined",
    ],
  ]),
  [
    "another one, with a forget bias",
    () => LSTM({ in: 3, hidden: 2, biasInit: zeros as never, forgetBias: 1 })(randn([1, 1, 3])),
    "init: wanted an initializer, got a function that makes one. Call it: zeros()",
  ],
  [
    "an initializer that asks for something else",
    () => Linear(3, 2, { init: () => normal({ std: -1 }) as never })(tensor([[1, 2, 3]])),
    "init: the initializer threw for shape [2, 3]: normal: wanted a non-negative number as std, got number -1. Call functions that make initializers: init: normal()",
  ],
  [
    "an initializer that makes too little",
    () => Linear(3, 2, { init: () => [1] })(tensor([[1, 2, 3]])),
    "init: wanted 6 values for [2, 3], the initializer made 1",
  ],
  [
    "an LSTM without features",
    () => LSTM({ hidden: 3 } as never),
    "LSTM: wanted `in`, the number of features per step, got nothing",
  ],
  [
    "a GRU without features",
    () => GRU({ hidden: 3 } as never),
    "GRU: wanted `in`, the number of features per step, got nothing",
  ],
  [
    "a number of layers",
    () => GRU({ in: 2, hidden: 3, layers: 0 }),
    "GRU: wanted a positive integer as layers, got number 0",
  ],
];
test.each(wrong)("refuses wrong %s", (_, f, message) => expect(f).toThrow(expect.objectContaining({ message })));

test("LayerNorm normalizes the given last axes, and says which do not fit", async () => {
  const x = tensor([
    [
      [1, 2],
      [3, 6],
    ],
    [
      [0, 0],
      [0, 4],
    ],
  ]);
  const both = LayerNorm([2, 2], { eps: 0 })(x);
  expect(await both.sum({ axis: [1, 2] }).array()).toEqual([expect.closeTo(0, 5), expect.closeTo(0, 5)]);
  expect(
    await both
      .square()
      .mean({ axis: [1, 2] })
      .array(),
  ).toEqual([expect.closeTo(1, 5), expect.closeTo(1, 5)]);
  const plain = LayerNorm(2, { affine: false, eps: 0 })(tensor([[1, 3]]));
  expect(await plain.array()).toEqual([[expect.closeTo(-1, 5), expect.closeTo(1, 5)]]);
  expect(Object.keys(LayerNorm(3))).toEqual(expect.arrayContaining(["weight", "bias"]));
  expect(() => LayerNorm(3)(x)).toThrow("layerNorm: x [2, 2, 2] ends in [2], weight and bias are [3]");
  expect(() => layerNorm(tensor(1))).toThrow("layerNorm: wanted x with 1 axes or more to normalize, got []");
});

test.each([
  ["GRU", () => GRU({ in: 3, hidden: 4 }), [5, 2, 3]],
  ["LSTM of two layers, both ways", () => LSTM({ in: 3, hidden: 4, layers: 2, bidirectional: true }), [5, 2, 3]],
  ["BatchNorm while learning", () => BatchNorm(3), [4, 3]],
  ["LayerNorm in a chain", () => Chain(Linear(3, 5), LayerNorm(5), relu), [4, 3]],
] as const)("vjp outside of any scope goes back through %s", async (_, make, shape) => {
  const { randn, ones } = openSync();
  const model = make() as (x: Tensor) => Tensor;
  const x = randn([...shape], { seed: 1 });
  const f = (z: Tensor) => training(true, () => model(z));
  const [y, pullback] = vjp(f, x);
  const wanted = grad((z: Tensor) => sum(f(z)))(x);
  const [got] = pullback(ones(y.shape)) as unknown as [Tensor];
  expect([...(await got.data())]).toEqual([...(await wanted.data())]);
});

test("layers copy the lists that they are given", async () => {
  const x = backend.tensor(Array.from({ length: 32 }, (_, i) => (i * 7) % 32)).reshape([1, 2, 4, 4]);
  const [window, stride, padding, dilation, kernel, shape] = [
    [2, 2],
    [2, 2],
    [[0, 1], 1] as const,
    [1, 1],
    [2, 2],
    [4, 4],
  ];
  const sides = padding.map((side) => (typeof side === "number" ? side : [...side]));
  const bag = { window: [2, 2], stride: [1, 1], padding: [1, 1] };
  const layers = [
    MaxPool(window),
    AvgPool(window),
    MaxPool(bag),
    AvgPool({ window, stride }),
    Conv({ in: 2, out: 1, kernel, stride, padding: sides as never, dilation }),
    LayerNorm(shape),
  ];
  const results = () => Promise.all(layers.map(async (f) => [f(x).shape, ...(await f(x).data())]));
  const before = await results();
  for (const list of [window, stride, dilation, kernel, shape, bag.window, bag.stride, bag.padding])
    list.fill(3).push(1);
  (sides[0] as number[])[0] = 3;
  (sides as number[]).push(2);
  Object.assign(bag, { window: 4, stride: 4 });
  expect(await results()).toEqual(before);
});

test("dropout names itself where integers meet its scale", () => {
  const x = backend.tensor([1, 2], { dtype: "i32" });
  expect(() => dropout(x, 0.3, { training: true })).toThrow(/^dropout: the number 1\.4.* does not fit an i32 tensor/);
});

test.each(["name", "length", "prototype", "arguments", "caller", "toString", "toJSON"])(
  "a field cannot be called %s",
  (name) => {
    expect(() => layer("Mine", (x: Operand) => x, { [name]: 3 })).toThrow(
      expect.objectContaining({
        name: "ArgumentError",
        message: `Mine: a field cannot be called ${name}`,
      }),
    );
  },
);

test("a box that a layer of one's own reads alone says how to read it beside the data", () => {
  const mine = layer("Mine", (x: Operand) => add(x, mul(mine.moving, 0.9)), { moving: running([2], ones()) });
  expect(() => mine(tensor([1, 2]))).toThrow('In your own layer: readTensors("Mine", [x, self.box])');
});

test("a layer without fields may be written in JavaScript", () => {
  const bare = layer as (kind: string, call: (x: Tensor) => Tensor) => (x: Tensor) => Tensor;
  expect(bare("Twice", (x) => mul(x, 2))(tensor([1], { dtype: "f64" })).arraySync()).toEqual([2]);
});
