// Recurrent layers with one bias: they compute what those with two do where that of h is 0, and have no parameter for it.
import { diff, type Param } from "@weft/autograd";
import { boxes } from "@weft/autograd/internals";
import { openSync } from "@weft/conformance";
import { adam } from "@weft/optim";
import { add, mul, sum, type Backend, type Creation, type Tensor } from "@weft/tensor";
import { open as openCpu } from "@weft/tensor-cpu";
import { openWebGpu } from "../../../test/webgpu.ts";
import { describe, expect, test } from "vitest";
import { longOn } from "../../../test/extent.ts";
import {
  constant,
  fromBytes,
  GRUCell,
  LSTM,
  LSTMCell,
  lstm,
  params,
  RNN,
  RNNCell,
  rnnparam,
  seed,
  toBytes,
  toKnetWeights,
  type RNNType,
} from "../src/index.ts";

const [T, B, I, H] = [4, 3, 2, 3];
const list = async (x: Tensor) => [...(await x.data())];
const types = ["relu", "tanh", "lstm", "gru"] as const;
const single = { recurrentBias: false } as const;

const stages: readonly { on: string; open: () => Promise<Backend & Creation>; digits: number }[] = [
  { on: "the reference", open: async () => openSync({}), digits: 9 },
  { on: "cpu", open: () => openCpu({}), digits: 4 },
  ...(longOn("webgpu") ? [{ on: "webgpu", open: () => openWebGpu(), digits: 4 }] : []),
];

/** The forms of a network that run their steps in one operation, and those that run them one by one. */
const forms = (type: RNNType): readonly object[] => [
  {},
  { layers: 2, bidirectional: true },
  { layerNorm: true, bidirectional: true },
  { recurrentDropout: 1 },
  ...(type === "lstm" ? [{ projection: 2, peepholes: true }] : []),
];

describe.each(stages)("on $on", ({ open, digits }) => {
  test.each(types)("%s: values and gradients are those with a bias of 0 for h", async (type) => {
    const backend = await open();
    const x = backend.randn([T, B, I], { seed: 1 });
    const lengths = backend.tensor([2, 4, 3], { dtype: "i32" });
    for (const form of forms(type)) {
      seed(1);
      const two = RNN({ type, in: I, hidden: H, ...form });
      const one = RNN({ type, in: I, hidden: H, ...form, ...single });
      two(x);
      one(x);
      const whole = two as unknown as Record<string, Param>;
      const names = boxes(one).map(({ path }) => path);
      expect(names).toEqual(Object.keys(whole).filter((name) => !name.startsWith("bias_hh")));
      for (const { path, box } of boxes(one)) box.value = whole[path]!.value;
      for (const { path, box } of boxes(two)) if (path.startsWith("bias_hh")) box.value = backend.zeros(box.shape);
      const weight = backend.randn(one(x).shape, { seed: 2 });
      for (const given of [{}, { lengths }]) {
        const [a, b] = [one, two].map((net) =>
          diff(() => {
            const { y, h } = net.run(x, given);
            return add(sum(mul(y, weight)), sum(h));
          }),
        );
        const found = async (tape: typeof a, net: object) => {
          const own = boxes(net).filter(({ path }) => names.includes(path));
          return Promise.all([tape!.value, ...own.map(({ box }) => tape!.grad(box as Param))].map(list));
        };
        const [got, wanted] = [await found(a, one), await found(b, two)];
        got.flat().forEach((value, i) => expect(value).toBeCloseTo(wanted.flat()[i]!, digits));
        expect(a!.params.length).toBe(names.length);
      }
    }
  });
});

const { randn, zeros } = openSync({});

test.each([
  ["RNNCell", RNNCell],
  ["GRUCell", GRUCell],
  ["LSTMCell", LSTMCell],
] as const)("%s with one bias", async (_, Cell) => {
  const one = Cell({ in: I, hidden: H, ...single });
  const two = Cell({ in: I, hidden: H });
  const x = randn([B, I], { seed: 1 });
  const h = randn([B, H], { seed: 2 });
  const step = (cell: typeof one) => {
    const after = cell === undefined ? undefined : (cell as LSTMCell)(x, (Cell === LSTMCell ? { h } : h) as never);
    return list("h" in after! ? after.h : (after as unknown as Tensor));
  };
  await step(one);
  await step(two);
  expect(Object.keys(one)).toEqual(["weight_ih", "weight_hh", "bias_ih"]);
  for (const { path, box } of boxes(two))
    box.value = path === "bias_hh" ? zeros(box.shape) : boxes(one).find((place) => place.path === path)!.box.value;
  const [got, wanted] = [await step(one), await step(two)];
  got.forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, 9));
});

test("it learns, is saved, and is not confused with a layer that has two biases", async () => {
  const x = randn([T, B, I], { seed: 1 });
  const make = (options: object = single) => ({ rnn: LSTM({ in: I, hidden: H, bidirectional: true, ...options }) });
  const one = make();
  adam({ lr: 0.1, params: one }).update(diff(() => sum(one.rnn(x))));
  const bytes = await toBytes(one);
  expect(await toBytes(fromBytes(bytes, make()))).toEqual(bytes);
  expect(params(one).length).toBe(6);
  expect(() => fromBytes(bytes, make({}))).toThrow(
    "fromBytes: the names are not those of the model: missing rnn.bias_hh_l0, rnn.bias_hh_l0_reverse. " +
      "Recurrent layers of the file have one bias: make those of the model with { recurrentBias: false }",
  );
  const two = await toBytes(make({}));
  expect(() => fromBytes(two, make())).toThrow(
    "fromBytes: the names are not those of the model: unexpected rnn.bias_hh_l0, rnn.bias_hh_l0_reverse. " +
      "Recurrent layers of the file have two biases: make those of the model without { recurrentBias: false }",
  );
  expect(() => fromBytes(two, make({ bias: false }))).toThrow(/rnn\.bias_ih_l0_reverse$/); // not that alone
});

test("the forget bias is the one of x", async () => {
  const net = LSTM({ in: I, hidden: H, ...single, forgetBias: 2, biasInit: constant(0.5) });
  net(zeros([1, 1, I]));
  const half = Array<number>(H).fill(0.5);
  expect(await list(net["bias_ih_l0"]!.value)).toEqual([half, [2, 2, 2], half, half].flat());
});

test("what does not go together is refused", () => {
  const x = zeros([T, B, I]);
  const none = "wanted no recurrentBias without biases, got true";
  expect(() => RNN({ type: "gru", in: I, hidden: H, bias: false, recurrentBias: true })).toThrow(`RNN: ${none}`);
  expect(() => LSTMCell({ in: I, hidden: H, bias: false, recurrentBias: true })).toThrow(`LSTMCell: ${none}`);
  const weights = [zeros([4 * H, I]), zeros([4 * H, H]), zeros([4 * H])];
  expect(() => lstm(x, null, null, weights, { bias: false, recurrentBias: true })).toThrow(`lstm: ${none}`);
  expect(() => lstm(x, null, null, weights)).toThrow("lstm: wanted 4 weights for 1 layers in 1 directions, got 3");
  expect(lstm(x, null, null, weights, single).y.shape).toEqual([T, B, H]);
  const net = LSTM({ in: I, hidden: H, ...single });
  net(x);
  for (const of of [() => rnnparam(net, 1, 1, 2), () => toKnetWeights(net)])
    expect(of).toThrow("Knet has no layers with one bias (recurrentBias: false)");
  expect(Object.keys(LSTM({ in: I, hidden: H, bias: false, ...single }))).toEqual(["weight_ih_l0", "weight_hh_l0"]);
});
