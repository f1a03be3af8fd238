// The table of a model's layers, from shapes alone.
import { shapes } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { add, flatten, matmul, relu, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import {
  BatchNorm,
  Chain,
  Conv,
  Dropout,
  Embedding,
  GRU,
  layer,
  Linear,
  LSTM,
  MaxPool,
  params,
  place,
  summary,
} from "../src/index.ts";

test("each call of a layer has a line, with its own parameters and multiply-adds", () => {
  const model = Chain(Conv({ in: 1, out: 20, kernel: 5 }), relu, MaxPool(2), Chain(BatchNorm(20), Dropout()), flatten, Linear(2880, 10)); // oxfmt-ignore
  expect(summary(model, [100, 1, 28, 28])).toBe(`layer             result                parameters  multiply-adds
Chain             f32[100, 10]
  0: Conv         f32[100, 20, 24, 24]         520     28,800,000
  1: relu         f32[100, 20, 24, 24]
  2: MaxPool      f32[100, 20, 12, 12]
  3: Chain        f32[100, 20, 12, 12]
    0: BatchNorm  f32[100, 20, 12, 12]          40
    1: Dropout    f32[100, 20, 12, 12]
  4: flatten      f32[100, 2880]
  5: Linear       f32[100, 10]              28,810      2,880,000
29,370 parameters, 31,680,000 multiply-adds
0.11 MiB of parameters and state, 13.19 MiB of results of layers`);
  expect(params(model).some((p) => p.initialized)).toBe(false);
});

test("a layer that is called twice has its parameters once; closures and several inputs", () => {
  const shared = Linear(3, 3);
  const text = summary((x: Tensor, y: Tensor) => matmul(shared(shared(x)), y), [2, 3], { shape: [3, 4], dtype: "f32" });
  expect(text.split("\n").slice(1, 5)).toEqual([
    "function  f32[2, 4]                         24",
    "  Linear  f32[2, 3]          12             18",
    "  Linear  f32[2, 3]                         18",
    "12 parameters, 60 multiply-adds",
  ]);
});

test("layers with products of their own: recurrent nets, tables of words", () => {
  const rnn = LSTM({ in: 10, hidden: 20, layers: 2, bidirectional: true });
  expect(summary(rnn, [7, 3, 10])).toContain("15,040 parameters, 302,400 multiply-adds");
  expect(summary(Embedding(50, 4), { shape: [2, 3], dtype: "i32" })).toMatch(/Embedding +f32\[2, 3, 4\] +200\n/);
  const mine = layer("Mine", (x: Tensor) => mine.inner(x), { inner: Linear(3, 2) });
  expect(summary(mine, [1, 3])).toMatch(/Mine +f32\[1, 2\]\n  inner: Linear +f32\[1, 2\] +8 +6\n/);
});

test("what does not fit is the model's own error", () => {
  expect(() => summary(Linear(3, 2), [1, 4])).toThrow("Linear");
  for (const model of [{}, null, { forward: 1 }])
    expect(() => summary(model, [1])).toThrow(
      "summary: wanted a function, or an object with a method forward, as the model",
    );
});

test("an object is called by its method forward, and constants stand for their shapes", () => {
  class Net {
    readonly hidden = Linear(3, 2);
    readonly shift = openSync({}).tensor([1, 2]);
    forward(x: Tensor): Tensor {
      return add(relu(this.hidden(x)), this.shift);
    }
  }
  expect(summary(new Net(), [4, 3]).split("\n").slice(1, 4)).toEqual([
    "Net               f32[4, 2]",
    "  hidden: Linear  f32[4, 2]           8             24",
    "8 parameters, 24 multiply-adds",
  ]);
});

test("the state that a layer keeps is as before", async () => {
  const { ones } = openSync({});
  for (const Kind of [GRU, LSTM]) {
    const m = Kind({ in: 3, hidden: 2, stateful: true });
    const x = ones([4, 1, 3]);
    summary(m, [4, 1, 3]);
    expect(m.state).toBeUndefined();
    await place(m, x.backend);
    m(x);
    const h = await m.state!.h.array();
    summary(m, [4, 1, 3]);
    shapes((y: Tensor) => (m.reset(), m(y)), [4, 5, 3]);
    expect(() => shapes((y: Tensor) => (m.reset(), m(y), m(m(y))), [4, 5, 3])).toThrow();
    expect(await m.state!.h.array()).toEqual(h);
    await place(m, x.backend);
    expect(m(x).shape).toEqual([4, 1, 2]);
  }
});
