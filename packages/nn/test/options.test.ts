// Options, sizes and arguments of layers, losses and initializers: a wrong one is an error that names the function and
// the known options, and undefined means the default.
import { param } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { reshape, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import * as N from "../src/index.ts";

const { tensor, ones, randn } = openSync({ seed: 1 });
// The functions without their types, as JavaScript calls them.
const J = N as unknown as Record<string, (...args: unknown[]) => any>;
const x = ones([2, 3]);
const labels = tensor([0, 1], { dtype: "i32" });

const wrong: [string, () => unknown, string][] = [
  ["Linear(3)", () => J.Linear!(3), "Linear: wanted a positive integer as outputs, got undefined"],
  ["Linear(3.5, 2)", () => N.Linear(3.5, 2), "Linear: wanted a positive integer as inputs, got number 3.5"],
  [
    "Linear({ in, out })",
    () => J.Linear!({ in: 3, out: 2 }),
    "Linear: wanted a positive integer as inputs, got { in, out }",
  ],
  [
    "Linear(3, 2, false)",
    () => J.Linear!(3, 2, false),
    "Linear: wanted options { bias, init, biasInit }, got boolean false",
  ],
  [
    "a misspelt option",
    () => J.Linear!(3, 2, { biass: false }),
    'Linear: there is no option "biass"; known options: bias, init, biasInit',
  ],
  ["values for init", () => J.Linear!(3, 2, { init: [1] }), "Linear: wanted a function as init, got [1]"],
  ["Embedding(0, 2)", () => N.Embedding(0, 2), "Embedding: wanted a positive integer as count, got number 0"],
  ["Embedding(2, NaN)", () => N.Embedding(2, NaN), "Embedding: wanted a positive integer as features, got number NaN"],
  [
    "Conv(1, 2, 3)",
    () => J.Conv!(1, 2, 3),
    "Conv: wanted options { in, out, kernel, stride, padding, paddingMode, dilation, groups, bias, init, biasInit }, got number 1",
  ],
  ["Conv without out", () => J.Conv!({ in: 1, kernel: 3 }), "Conv: wanted a positive integer as out, got undefined"],
  [
    "Conv with strides",
    () => J.Conv!({ in: 1, out: 1, kernel: 3, strides: 2 }),
    'Conv: there is no option "strides"; known options: in, out, kernel, stride, padding, paddingMode, dilation, groups, bias, init, biasInit',
  ],
  [
    "a stride of 0",
    () => N.Conv({ in: 1, out: 1, kernel: 3, stride: 0 }),
    "Conv: wanted a positive integer, or a list of them as stride, got number 0",
  ],
  [
    "padding by another name",
    () => J.Conv!({ in: 1, out: 1, kernel: 3, padding: "full" }),
    'Conv: wanted a non-negative integer, or a list of them or of [before, after], or "same" or "valid" as padding, got "full"',
  ],
  [
    "MaxPool({ kernel })",
    () => J.MaxPool!({ kernel: 2 }),
    'MaxPool: there is no option "kernel"; known options: window, stride, padding, ceilMode, dilation',
  ],
  ["MaxPool()", () => J.MaxPool!(), "MaxPool: wanted a positive integer, or a list of them as window, got undefined"],
  ["AvgPool(0)", () => N.AvgPool(0), "AvgPool: wanted a positive integer, or a list of them as window, got number 0"],
  ["Dropout(1.5)", () => N.Dropout(1.5), "Dropout: wanted a number from 0 to 1 as p, got number 1.5"],
  ["Dropout({ p })", () => J.Dropout!({ p: 0.5 }), "Dropout: wanted a number from 0 to 1 as p, got { p }"],
  [
    "dropout with a seed of its own",
    () => N.dropout(x, 0.5, { seed: 1.5 }),
    "dropout: wanted an integer from 0 to 2^53 - 1 as seed, got number 1.5",
  ],
  [
    "dropout with a seed below 0, outside training",
    () => N.dropout(x, 0.5, { seed: -1 }),
    "dropout: wanted an integer from 0 to 2^53 - 1 as seed, got number -1",
  ],
  [
    "a mode by position",
    () => J.dropout!(x, 0.5, true),
    "dropout: wanted options { seed, training, channels }, got boolean true",
  ],
  ["BatchNorm([3])", () => J.BatchNorm!([3]), "BatchNorm: wanted a positive integer as features, got [3]"],
  [
    "a momentum above 1",
    () => N.BatchNorm(3, { momentum: 1.5 }),
    "BatchNorm: wanted a number from 0 to 1 as momentum, got number 1.5",
  ],
  [
    "a mode for BatchNorm",
    () => J.BatchNorm!(3)(x, { train: false }),
    'BatchNorm: there is no option "train"; known options: training',
  ],
  [
    "batchNorm's eps",
    () => N.batchNorm(x, null, null, { eps: NaN }),
    "batchNorm: wanted a finite number as eps, got number NaN",
  ],
  [
    "LayerNorm(2.5)",
    () => N.LayerNorm(2.5),
    "LayerNorm: wanted a positive integer, or a list of them as features, got number 2.5",
  ],
  [
    "layerNorm's axes",
    () => N.layerNorm(x, null, null, { axes: 0 }),
    "layerNorm: wanted a positive integer as axes, got number 0",
  ],
  [
    "LSTM(3, 4)",
    () => J.LSTM!(3, 4),
    "LSTM: wanted options { layers, bidirectional, bias, recurrentBias, dropout, inputDropout, recurrentDropout, variational, skipInput, layerNorm, batchFirst, stateful, in, hidden, init, biasInit, projection, peepholes, forgetBias }, got number 3",
  ],
  ["LSTM without hidden", () => J.LSTM!({ in: 3 }), "LSTM: wanted a positive integer as hidden, got undefined"],
  [
    "GRU's dropout",
    () => N.GRU({ in: 1, hidden: 1, dropout: -1 }),
    "GRU: wanted a number from 0 to 1 as dropout, got number -1",
  ],
  [
    "a state by position",
    () => J.LSTM!({ in: 3, hidden: 2 })(ones([1, 1, 3]), ones([1, 1, 2])),
    "LSTM: wanted options { training, lengths, mask, batchSizes, h, c, y }, got a tensor f32[1,1,2]",
  ],
  [
    "a state of another shape",
    () => N.GRU({ in: 3, hidden: 2 })(ones([1, 1, 3]), { h: ones([2, 2]) }),
    "GRU: wanted h of shape [1, 1, 2], got [2, 2]",
  ],
  [
    "an unknown state",
    () => J.GRU!({ in: 3, hidden: 2 })(ones([1, 1, 3]), { hidden: 1 }),
    'GRU: there is no option "hidden"; known options: training, lengths, mask, batchSizes, h, y',
  ],
  [
    "lstm's layers",
    () => N.lstm(x, null, null, [x], { layers: 1.5 }),
    "lstm: wanted a positive integer as layers, got number 1.5",
  ],
  [
    "Chain of a list",
    () => J.Chain!([N.Linear(1, 1)]),
    "Chain: wanted functions of a tensor as links, got [the function Linear] as link 0; spread it: Chain(...links)",
  ],
  [
    "Chain with a hole",
    () => J.Chain!(N.Linear(1, 1), undefined),
    "Chain: wanted functions of a tensor as links, got undefined as link 1",
  ],
  [
    "a reduction",
    () => J.mse!(x, x, { reduction: "avg" }),
    'mse: wanted "mean" or "sum" or "none" as reduction, got "avg"',
  ],
  ["a reduction by position", () => J.mae!(x, x, "sum"), 'mae: wanted options { reduction, weight }, got "sum"'],
  [
    "toString as a reduction",
    () => J.bceWithLogits!(x, x, { reduction: "toString" }),
    'bceWithLogits: wanted "mean" or "sum" or "none" as reduction, got "toString"',
  ],
  [
    "crossEntropy's options",
    () => J.crossEntropy!(x, labels, { ignore: 0 }),
    'crossEntropy: there is no option "ignore"; known options: reduction, ignoreIndex, weight, labelSmoothing',
  ],
  [
    "crossEntropy's reduction with ignoreIndex",
    () => J.crossEntropy!(x, labels, { ignoreIndex: 1, reduction: "avg" }),
    'crossEntropy: wanted "mean" or "sum" or "none" as reduction, got "avg"',
  ],
  [
    "nll's ignoreIndex",
    () => N.nll(x, labels, { ignoreIndex: 0.5 }),
    "nll: wanted an integer that fits i32 as ignoreIndex, got number 0.5",
  ],
  [
    "accuracy's options",
    () => J.accuracy!(x, labels, { reduction: "sum" }),
    'accuracy: there is no option "reduction"; known options: ignoreIndex',
  ],
  ["huber's delta", () => N.huber(x, x, { delta: 0 }), "huber: wanted a positive number as delta, got number 0"],
  [
    "conv4's options",
    () => J.conv4!(ones([1, 1, 1]), ones([1, 1, 3]), { pad: 1 }),
    'conv4: there is no option "pad"; known options: padding, stride, dilation, mode, alpha, group',
  ],
  [
    "pool's window",
    () => N.pool(ones([1, 1, 4]), { window: 0 }),
    "pool: wanted a positive integer, or a list of them as window, got number 0",
  ],
  [
    "unpool's window",
    () => N.unpool(ones([1, 1, 4]), { window: [2, 2] }),
    "unpool: x [1, 1, 4] has 1 spatial axes, got [2, 2] for them",
  ],
  ["mat's dims", () => N.mat(x, { dims: -1 }), "mat: wanted a non-negative integer as dims, got number -1"],
  [
    "bmm's options",
    () => J.bmm!(ones([1, 2, 2]), ones([1, 2, 2]), { transa: true }),
    'bmm: there is no option "transa"; known options: transA, transB',
  ],
  ["logp's axis", () => J.logp!(x, 1), "logp: wanted options { axis }, got number 1"],
  ["normal's std", () => N.normal({ std: -1 }), "normal: wanted a non-negative number as std, got number -1"],
  ["normal by position", () => J.normal!(0, 1), "normal: wanted options { mean, std }, got number 0"],
  [
    "gaussian's option",
    () => J.gaussian!({ sigma: 1 }),
    'gaussian: there is no option "sigma"; known options: mean, std',
  ],
  [
    "xavier's gain",
    () => N.xavier({ gain: NaN }),
    "xavierUniform: wanted a non-negative number as gain, got number NaN",
  ],
  [
    "heNormal's slope",
    () => J.heNormal!({ negativeSlope: "0.1" }),
    'heNormal: wanted a finite number as negativeSlope, got "0.1"',
  ],
  ["uniform(NaN)", () => N.uniform(NaN), "uniform: wanted a finite number as low, got number NaN"],
  ["constant()", () => J.constant!(), "constant: wanted a finite number as value, got undefined"],
  ["a state without initializer", () => J.running!([2]), "running: wanted a function as init, got undefined"],
  ["logp along no axis", () => J.logp!(x, { axis: 7 }), "logp: axis 7 is out of range"],
  ["a parameter without initializer", () => J.parameter!([2]), "parameter: wanted a function as init, got undefined"],
];
test.each(wrong)("refuses %s", (_, f, message) => {
  expect(f).toThrow(expect.objectContaining({ name: expect.stringMatching(/^(Argument|Shape)Error$/) }));
  expect(f).toThrow(message);
});

test("a dtype object of another library is not a TypeError", () =>
  expect(() => J.parameter!([2], N.zeros(), { dtype: "float32" })).toThrow(
    /^parameter: wanted "f32" or .* as dtype, got "float32"/,
  ));

test("undefined is the default", () => {
  const off = { bias: undefined, init: undefined, biasInit: undefined };
  N.seed(1);
  const a = [N.Linear(3, 2)(x), N.Conv({ in: 1, out: 2, kernel: 1 })(ones([1, 1, 2, 2]))];
  N.seed(1);
  const b = [
    N.Linear(3, 2, off as never)(x),
    J.Conv!({
      in: 1,
      out: 2,
      kernel: 1,
      stride: undefined,
      padding: undefined,
      dilation: undefined,
      groups: undefined,
      ...off,
    })(ones([1, 1, 2, 2])),
  ];
  expect(b.map((y) => y.arraySync())).toEqual(a.map((y) => y.arraySync()));
  const of = (options: object) => J.crossEntropy!(x, labels, options).arraySync();
  expect(of({ reduction: undefined, ignoreIndex: undefined, labelSmoothing: undefined })).toEqual(of({}));
  expect(J.BatchNorm!(3, { eps: undefined, affine: undefined })(x, { training: undefined }).arraySync()).toEqual(
    N.BatchNorm(3)(x).arraySync(),
  );
  expect(J.pool!(ones([1, 1, 4]), { window: undefined, stride: undefined }).shape).toEqual([1, 1, 2]);
});

test("an input that is not a tensor is rejected by the layer, not by its parameter", () => {
  const layers: [string, (x: never) => Tensor][] = [
    ["Linear", N.Linear(3, 2)],
    ["Embedding", N.Embedding(3, 2)],
    ["BatchNorm", N.BatchNorm(3)],
    ["LayerNorm", N.LayerNorm(3)],
    ["Conv", N.Conv({ in: 1, out: 1, kernel: 1 })],
    ["LSTM", N.LSTM({ in: 3, hidden: 2 })],
    ["GRU", N.GRU({ in: 3, hidden: 2 })],
  ];
  for (const [name, layer] of layers) {
    expect(() => layer([[1, 2, 3]] as never), name).toThrow(
      new RegExp(`^${name}: wanted a tensor.*, got \\[\\[1, 2, 3\\]\\].*tensor\\(`),
    );
    expect(() => layer(5 as never), name).toThrow(`${name}: wanted a tensor, got the number 5`);
    expect(() => layer(new Float32Array(3) as never), name).toThrow(
      new RegExp(`^${name}: wanted a tensor.*Float32Array.*tensor\\(`),
    );
  }
});

test("recurrent layers check the features of x, and take a result as the next state", () => {
  for (const layer of [N.LSTM({ in: 3, hidden: 2 }), N.GRU({ in: 3, hidden: 2 })]) {
    const name = (layer as { name?: string }).name!;
    expect(() => layer(ones([4, 1, 5]))).toThrow(`${name}: wanted x of shape [T, B, 3], got [4, 1, 5]`);
    expect(() => layer(ones([4, 2]))).toThrow(`${name}: wanted x of shape [T, B, 3], got [4, 2]`);
    const first = layer.run(randn([2, 1, 3]));
    expect(layer.run(randn([2, 1, 3]), first as never).y.shape).toEqual([2, 1, 2]);
  }
});

test("scores with the classes last are an error that says what to write", () => {
  const scores = randn([2, 4, 5]);
  const tokens = tensor([[0, 1, 2, 3], [3, 2, 1, 0]], { dtype: "i32" }); // oxfmt-ignore
  const hint = "Classes are axis 1, and here they are the last: reshape(scores, [-1, 5]) and reshape(labels, [-1])";
  for (const f of [N.crossEntropy, N.nll, N.accuracy])
    expect(() => f(scores, tokens)).toThrow(`scores [2, 4, 5] want labels [2, 5], got [2, 4]. ${hint}`);
  expect(N.crossEntropy(reshape(scores, [-1, 5]), reshape(tokens, [-1])).shape).toEqual([]);
  expect(() => N.crossEntropy(randn([2, 3]), tokens)).toThrow(/want labels \[2\], got \[2, 4\]$/);
  expect(() => N.crossEntropy(param(randn([2, 4, 5, 6])), reshape(randn([40]), [2, 4, 5]))).toThrow(
    "labels are class numbers",
  );
});

const q = ones([1, 2, 4]);
const index = tensor([[0, 1]], { dtype: "i32" });
const steps = [ones([1, 1, 1]), null, [ones([1, 1]), ones([1, 1]), ones([1]), ones([1])]] as const;
const contradictions: [string, () => unknown, string][] = [
  ["rotary", () => N.rotary(q, { offset: 1, positions: tensor([0, 1]) }), "rotary: wanted offset or positions, got both; add the offset to the positions"],
  ["embeddingBag", () => N.embeddingBag(index, ones([2, 3]), { includeLastOffset: true }), "embeddingBag: includeLastOffset is about offsets, got none"],
  ["attention", () => N.attention(q, q, q, { offset: 1 }), "attention: offset is for causal attention, got offset 1 without causal"],
  ["Attention", () => N.Attention({ features: 4, heads: 1 })(q, { offset: 1 }), "Attention: offset is for causal attention, got offset 1 without causal"],
  ["RNN", () => N.RNN({ type: "tanh", in: 1, hidden: 1, variational: true }), "RNN: variational is for dropout and inputDropout, got neither"],
  ["rnn", () => N.rnn(...steps, { variational: true, recurrentDropout: 0.5 }), "rnn: variational is for dropout and inputDropout, got neither"],
  ["InstanceNorm", () => N.InstanceNorm(2, { momentum: 0.5 }), "InstanceNorm: momentum is for running moments, wanted track: true with it"],
]; // oxfmt-ignore
test.each(contradictions)("options that contradict each other: %s", (_, f, message) =>
  expect(f).toThrow(expect.objectContaining({ name: "ArgumentError", message })),
);

test("options that change nothing are no contradictions", () => {
  expect(N.rotary(q, { offset: 0, positions: tensor([0, 1]) }).shape).toEqual([1, 2, 4]);
  expect(N.embeddingBag(index, ones([2, 3]), { includeLastOffset: false }).shape).toEqual([1, 3]);
  expect(N.attention(q, q, q, { offset: 0 }).shape).toEqual([1, 2, 4]);
  expect(N.rnn(...steps, { variational: true, dropout: 0 }).y.shape).toEqual([1, 1, 1]);
  expect(N.GRU({ in: 1, hidden: 1, dropout: 0.5 })(ones([1, 1, 1])).shape).toEqual([1, 1, 1]);
});

test("options of an LSTM are no options of another network", () => {
  // @ts-expect-error
  expect(() => N.RNN({ type: "gru", in: 1, hidden: 1, forgetBias: 1 })).toThrow('RNN: there is no option "forgetBias"');
  // @ts-expect-error
  expect(() => N.RNN({ type: "relu", in: 1, hidden: 2, projection: 1 })).toThrow("projection");
  // @ts-expect-error
  expect(() => N.RNN({ type: "tanh", in: 1, hidden: 2, peepholes: true })).toThrow("peepholes");
  // @ts-expect-error
  expect(() => N.GRU({ in: 1, hidden: 2, input: 3 })).toThrow('GRU: there is no option "input"');
  expect(N.RNN({ type: "lstm", in: 1, hidden: 2, projection: 1, forgetBias: 1 })(ones([1, 1, 1])).shape).toEqual([
    1, 1, 1,
  ]);
  const type: N.RNNType = index.size > 9 ? "gru" : "lstm";
  expect(N.RNN({ type, in: 1, hidden: 2 })(ones([1, 1, 1])).shape).toEqual([1, 1, 2]);
});
