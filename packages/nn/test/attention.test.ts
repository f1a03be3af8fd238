// Attention by its definition: masks, lengths, groups of heads, dropout; positions; multi-head layers against PyTorch's.
import { diff, grad, gradCheck } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { cast, finite, matmul, mul, relu, square, stack, sum, where, type Tensor } from "@weft/tensor";
import { describe, expect, expectTypeOf, test } from "vitest";
import {
  Attention,
  attention,
  Chain,
  constant,
  LayerNorm,
  params,
  place,
  Residual,
  rotary,
  sinusoidal,
  summary,
  toBytes,
  TransformerDecoder,
  TransformerDecoderBlock,
  TransformerEncoder,
  TransformerEncoderBlock,
} from "../src/index.ts";
import { called, cases, stateOf } from "./transformers.ts";

const backend = openSync();
const { arange, full, randn, tensor, zeros } = backend;
const list = async (x: Tensor): Promise<number[]> => [...(await x.data())];
const near = async (x: Tensor, wanted: Tensor | readonly number[], digits = 9) => {
  const numbers = "data" in wanted ? await list(wanted as Tensor) : wanted;
  expect(await list(x)).toEqual(numbers.map((v) => expect.closeTo(v, digits)));
};
const i32 = (data: number[]) => tensor(data, { dtype: "i32" });
const [q, k, v] = [
  randn([2, 4, 3, 6], { seed: 1 }),
  randn([2, 4, 5, 6], { seed: 2 }),
  randn([2, 4, 5, 2], { seed: 3 }),
];

test("heads of queries share the heads of keys and values in groups", async () => {
  const [few, fewer] = [k.slice({ ends: [2, 2] }), v.slice({ ends: [2, 2] })];
  const twice = (x: Tensor) => stack([x, x], { axis: 2 }).reshape([2, 4, 5, -1]);
  const mask = arange(15).reshape([3, 5]).mul(-0.1);
  await near(
    attention(q, few, fewer, { mask, causal: true }),
    attention(q, twice(few), twice(fewer), { mask, causal: true }),
  );
  const [one, single] = [k.slice({ ends: [2, 1] }), v.slice({ ends: [2, 1] })];
  expect(attention(q, one, single).shape).toEqual([2, 4, 3, 2]);
});

test("masks of both kinds, lengths and causality are the same thing in other words", async () => {
  const causal = arange(5)
    .reshape([1, 5])
    .lessEqual(arange(3).reshape([3, 1]));
  await near(attention(q, k, v, { causal: true }), attention(q, k, v, { mask: causal }));
  await near(attention(q, k, v, { mask: causal }), attention(q, k, v, { mask: where(causal, 0, -Infinity) }));
  const short = arange(5)
    .reshape([1, 1, 1, 5])
    .less(tensor([3, 5]).reshape([2, 1, 1, 1]));
  await near(attention(q, k, v, { keyLengths: i32([3, 5]) }), attention(q, k, v, { mask: short }));
  await near(attention(q, k, v, { keyLengths: [3, 5] }), attention(q, k, v, { mask: short }));
});

describe("what is not seen", () => {
  const one = tensor([[[1, 1]]]);
  const [goodKeys, goodValues] = [tensor([[[1, 2], [0, 0]]]), tensor([[[3], [0]]])]; // oxfmt-ignore
  const gradients = (queries: Tensor, keys: Tensor, values: Tensor, keyLengths: number[]) =>
    grad((a: Tensor, b: Tensor, c: Tensor) => sum(square(attention(a, b, c, { keyLengths }))), [0, 1, 2])(
      queries,
      keys,
      values,
    );

  test.each([NaN, Infinity])("behind keyLengths %s does not matter", async (bad) => {
    const [keys, values] = [tensor([[[1, 2], [bad, 1]]]), tensor([[[3], [bad]]])]; // oxfmt-ignore
    expect(await attention(one, keys, values, { keyLengths: [1] }).array()).toEqual([[[3]]]);
    expect(await attention(one, keys, values, { keyLengths: [0] }).array()).toEqual([[[0]]]);
    const wanted = gradients(one, goodKeys, goodValues, [1]);
    const found = gradients(one, keys, values, [1]);
    for (const [i, g] of found.entries()) expect(await g.array()).toEqual(await wanted[i]!.array());
  });

  test("of keys that heads and a batch share, too", async () => {
    for (const lead of [[], [1], [1, 2], [2, 2], [2, 1]]) {
      const keys = randn([...lead, 5, 6], { seed: 4 });
      const dirty = where(arange(5).reshape([5, 1]).less(3), keys, NaN);
      const options = { keyLengths: [3, 2] };
      await near(attention(q, dirty, dirty, options), attention(q, keys, keys, options));
    }
  });

  test("an encoder gives the same at the steps that are there", async () => {
    const encoder = TransformerEncoder({ features: 4, heads: 2, hidden: 3, layers: 2, dropout: 0, batchFirst: true });
    const x = randn([2, 3, 4], { seed: 5 });
    const there = arange(3)
      .reshape([1, 3, 1])
      .less(tensor([3, 2]).reshape([2, 1, 1]));
    const seen = (input: Tensor) => where(there, encoder(input, { keyLengths: [3, 2] }), 0);
    await near(seen(where(there, x, NaN)), seen(x));
  });

  test("gives no NaN on the way", async () => {
    const [keys, values] = [randn([1, 3, 2]), randn([1, 3, 2])];
    const options = { keyLengths: [0] };
    await finite(() => grad((a: Tensor) => sum(attention(a, keys, values, options)))(one), { infinity: false });
    expect(await list(await finite(() => attention(one, keys, values, options)))).toEqual([0, 0]);
    for (const mask of [zeros([3], { dtype: "bool" }), full([3], -Infinity)])
      expect(await list(await finite(() => attention(one, keys, values, { mask }), { infinity: false }))).toEqual([
        0, 0,
      ]);
  });
});

test("causal with an offset: steps with the keys of earlier ones are those of the whole sequence", async () => {
  const queries = randn([2, 4, 5, 6], { seed: 7 });
  const whole = attention(queries, k, v, { causal: true });
  for (const [first, end] of [
    [0, 2],
    [2, 3],
    [3, 5],
    [4, 5],
  ] as const) {
    const part = (x: Tensor, from: number) => x.slice({ starts: [0, 0, from], ends: [2, 4, end] });
    const step = attention(part(queries, first), part(k, 0), part(v, 0), { causal: true, offset: first });
    await near(step, part(whole, first));
  }
  // A query before all keys sees none of them.
  expect((await list(attention(q, k, v, { causal: true, offset: -1 }))).slice(0, 2)).toEqual([0, 0]);
  const layer = Attention({ features: 6, heads: 2, batchFirst: true });
  const x = randn([1, 4, 6], { seed: 8 });
  const last = x.slice({ starts: [0, 3] });
  await near(layer(last, x, x, { causal: true, offset: 3 }), layer(x, { causal: true }).slice({ starts: [0, 3] }), 6);
});

test("a query that sees no key gives 0, and gradients of 0", async () => {
  const options = { keyLengths: i32([0, 2]) };
  const y = await list(attention(q, k, v, options));
  expect(y.slice(0, 24)).toEqual(Array.from({ length: 24 }, () => 0));
  expect(y.every(Number.isFinite)).toBe(true);
  const f = (a: Tensor, b: Tensor) => sum(square(attention(a, b, v, options)));
  for (const g of await Promise.all(grad(f, [0, 1])(q, k).map(list))) {
    expect(g.slice(0, 48).every((n) => n === 0)).toBe(true);
    expect(g.every(Number.isFinite)).toBe(true);
  }
  await near(
    attention(q, k, v, { mask: full([3, 5], -Infinity) }),
    Array.from({ length: 48 }, () => 0),
  );
});

test("gradients of both orders", async () => {
  const [a, b, c] = [randn([2, 2, 3], { seed: 4 }), randn([2, 3, 3], { seed: 5 }), randn([2, 3, 2], { seed: 6 })];
  const mask = tensor([[0.5, -Infinity, 1], [0, 0.25, -1]]); // oxfmt-ignore
  const f = (x: Tensor, y: Tensor, z: Tensor) => attention(x, y, z, { mask, scale: 0.7 });
  await gradCheck(f, a, b, c);
  await gradCheck((x: Tensor) => sum(square(grad((z: Tensor) => sum(square(f(z, b, c))))(x))), a);
});

test("dropout is of the weights, only while training", async () => {
  const ones = full([1, 8, 50], 1);
  const y = await list(
    attention(zeros([1, 4, 50]), zeros([1, 8, 50]), ones, { dropout: 0.5, training: true, seed: 1 }),
  );
  expect(y.every((n) => Number.isInteger(n * 4))).toBe(true);
  expect(new Set(y).size).toBeGreaterThan(1);
  await near(
    attention(zeros([1, 4, 50]), zeros([1, 8, 50]), ones, { dropout: 0.5 }),
    Array.from({ length: 200 }, () => 1),
  );
});

test("rotary: products depend on distances, lengths stay, and both kinds of pairs", async () => {
  const [a, b] = [randn([1, 8], { seed: 1 }), randn([1, 8], { seed: 2 })];
  for (const interleaved of [false, true]) {
    const product = (s: number, t: number) =>
      matmul(rotary(a, { offset: s, interleaved }), rotary(b, { positions: i32([t]), interleaved }).transpose());
    await near(product(7, 3), product(104, 100), 5);
    await near(sum(square(rotary(a, { offset: 5, interleaved }))), sum(square(a)), 6);
    await near(rotary(a, { interleaved }), a);
  }
  const [c, s] = [Math.cos(1), Math.sin(1)];
  await near(rotary(tensor([[0, 0], [3, 4]])), [0, 0, 3 * c - 4 * s, 3 * s + 4 * c], 6); // oxfmt-ignore
  const [d, t] = [Math.cos(0.01), Math.sin(0.01)];
  const x = tensor([1, 2, 3, 4]).reshape([1, 4]);
  await near(rotary(x, { offset: 1 }), [c - 3 * s, 2 * d - 4 * t, s + 3 * c, 2 * t + 4 * d], 6);
  await near(rotary(x, { offset: 1, interleaved: true }), [c - 2 * s, s + 2 * c, 3 * d - 4 * t, 3 * t + 4 * d], 6);
});

test("sinusoidal: sines and cosines take turns", async () => {
  const waves = [0, 1, 0, 1, Math.sin(2), Math.cos(2), Math.sin(0.02), Math.cos(0.02)];
  await near(sinusoidal(tensor([0, 2]), 4), waves, 6);
  expect(sinusoidal(zeros([2, 3]), 8).shape).toEqual([2, 3, 8]);
});

test.each(cases)("$name gives PyTorch's results, and its file again", async (c) => {
  const { model, y } = called(backend, c);
  expect(y.shape).toEqual(c.y.shape);
  await near(y, c.y.data, 5);
  const [bytes, again] = [stateOf(c), Buffer.from(await toBytes(model))];
  const header = (file: Buffer) => ({
    ...JSON.parse(file.subarray(8, 8 + file.readUInt32LE(0)).toString()),
    __metadata__: undefined,
  });
  expect(header(again)).toEqual(header(bytes));
  expect(again.subarray(8 + again.readUInt32LE(0)).equals(bytes.subarray(8 + bytes.readUInt32LE(0)))).toBe(true);
});

test("Attention gives its weights, and sequences without a batch", async () => {
  const layer = Attention({ features: 6, heads: 2 });
  const { y, weights } = layer.run(randn([4, 6], { seed: 1 }));
  expect([y.shape, weights.shape]).toEqual([[4, 6], [1, 2, 4, 4]]); // oxfmt-ignore
  await near(
    sum(weights, { axis: -1 }),
    Array.from({ length: 8 }, () => 1),
    6,
  );
  const x = randn([4, 6], { seed: 1 });
  const causal = layer(x, undefined, undefined, { causal: true });
  await near(layer(x, { causal: true }), causal);
  await near(layer(x, x, x, { causal: true }), causal);
  await near(layer.run(x, { causal: true }).y, causal);
  expect(() => layer(x, { causl: true } as object)).toThrow('Attention: there is no option "causl"');
  expect(() => layer(x, x, { causal: true } as never)).toThrow("Attention: wanted a tensor");
  expect(layer.in_proj_weight!.shape).toEqual([18, 6]);
  expect(params(Attention({ features: 6, heads: 2, keyFeatures: 3, bias: false })).map((p) => p.shape)).toEqual([
    [6, 6],
    [6, 3],
    [6, 6],
    [6, 6],
  ]);
});

test("Attention and LayerNorm begin with the values that are wanted, without biases", async () => {
  const layer = Attention({ features: 6, heads: 2, bias: false, init: constant(2), outInit: constant(3) });
  await place(layer, backend);
  await near(layer.in_proj_weight!.value, Array<number>(108).fill(2));
  await near(layer.out_proj.weight.value, Array<number>(36).fill(3));
  expect([layer.in_proj_bias, layer.out_proj.bias]).toEqual([null, null]);
  const norm = LayerNorm(3, { bias: false });
  expect(norm.bias).toBe(null);
  expect(params(norm).map(({ shape }) => shape)).toEqual([[3]]);
});

test("blocks drop and learn inside diff only, and every parameter has a gradient", async () => {
  const block = TransformerDecoderBlock({ features: 6, heads: 2, hidden: 4, activation: (x) => relu(x) });
  const [x, memory] = [randn([3, 2, 6], { seed: 1 }), randn([4, 2, 6], { seed: 2 })];
  await near(block(x, memory), block(x, memory));
  const tape = diff(() => sum(square(block(x, memory, { causal: true }))));
  expect(tape.params.length).toBe(params(block).length);
  expect((await list(block(x, memory))).join()).not.toBe((await list(block(x, memory, { training: true }))).join());
});

test("stacks pass their options to each block, whose weights differ", async () => {
  const options = { features: 6, heads: 2, hidden: 4, layers: 2 };
  const encoder = TransformerEncoder({ ...options, norm: (y) => mul(y, 2) });
  const [x, memory] = [randn([3, 2, 6], { seed: 1 }), randn([4, 2, 6], { seed: 2 })];
  const [first, second] = encoder.layers as [TransformerEncoderBlock, TransformerEncoderBlock];
  const call = { causal: true, keyLengths: [3, 2] };
  await near(encoder(x, call), mul(second(first(x, call), call), 2));
  expect(await list(first.linear1.weight.value)).not.toEqual(await list(second.linear1.weight.value));
  expect((await list(encoder(x))).join()).not.toBe((await list(encoder(x, { training: true }))).join());
  const decoder = TransformerDecoder({ ...options, normFirst: true, norm: LayerNorm(6) });
  const [one, two] = decoder.layers as [TransformerDecoderBlock, TransformerDecoderBlock];
  const toMemory = { causal: true, memoryLengths: [4, 1] };
  await near(decoder(x, memory, toMemory), LayerNorm(6)(two(one(x, memory, toMemory), memory, toMemory)));
  expect(diff(() => sum(square(decoder(x, memory)))).params.length).toBe(params(decoder).length);
  expect(summary(encoder, [3, 2, 6])).toContain("0: TransformerEncoderBlock");
});

test("Residual adds, keeps types, and does not broadcast", async () => {
  const norm = LayerNorm(3);
  const model = Chain(
    Residual(Chain(norm, relu)),
    Residual((x: Tensor) => mul(x, 2), norm),
  );
  expectTypeOf(model[0].body[0]).toEqualTypeOf<LayerNorm>();
  expectTypeOf(model[0].shortcut).toEqualTypeOf<null>();
  const x = randn([2, 3], { seed: 1 });
  await near(model[0](x), x.add(relu(norm(x))));
  await near(model[1](x), x.mul(2).add(norm(x)));
  const narrow = Residual((y: Tensor) => sum(y, { axis: 1, keepDims: true }));
  expect(() => narrow(x)).toThrow("Residual: the body gives [2, 1], and the shortcut [2, 3]");
});

const wrong: [string, () => unknown, string][] = [
  ["keys of another width", () => attention(q, v, v), "attention: wanted queries […, L, d], keys […, S, d] and values […, S, e], got [2, 4, 3, 6], [2, 4, 5, 2] and [2, 4, 5, 2]"],
  ["heads that do not divide", () => attention(q, k.slice({ ends: [2, 3] }), v.slice({ ends: [2, 3] })), "attention: 4 heads of queries cannot share 3 heads of keys equally"],
  ["half a step", () => attention(q, k, v, { causal: true, offset: 0.5 }), "attention: wanted an integer that fits i32 as offset, got number 0.5"],
  ["a mask that does not fit", () => attention(q, k, v, { mask: zeros([5, 3]) }), "attention: the mask [5, 3] does not broadcast to the scores [2, 4, 3, 5]"],
  ["a mask of integers", () => attention(q, k, v, { mask: cast(zeros([3, 5]), "i32") }), "attention: wanted a mask of bool (true where a key is seen) or of floats (added to the scores), got i32"],
  ["lengths of another batch", () => attention(q, k, v, { keyLengths: i32([1, 2, 3]) }), "attention: wanted keyLengths of shape [2], got [3]"],
  ["lengths that are no integers", () => attention(q, k, v, { keyLengths: tensor([1, 2]) }), 'attention: keyLengths are integers, got f32; use cast(keyLengths, "i32")'],
  ["more keys than there are", () => attention(q, k, v, { keyLengths: [3, 6] }), "attention: wanted whole numbers up to 5 as keyLengths, got 6"],
  ["lengths without a batch", () => attention(zeros([2, 3]), zeros([4, 3]), zeros([4, 3]), { keyLengths: [2] }), "attention: keyLengths are for a batch, got scores [2, 4]; leave out the keys instead"],
  ["an odd number of features", () => rotary(zeros([2, 3])), "rotary: wanted an even number of features, got 3"],
  ["an odd number of waves", () => sinusoidal(zeros([2]), 5), "sinusoidal: wanted an even number of features, got 5"],
  ["heads that do not divide the features", () => Attention({ features: 6, heads: 4 }), "Attention: 6 features cannot be split into 4 equal heads"],
  ["no blocks", () => TransformerEncoder({ features: 6, heads: 2 } as never), "TransformerEncoder: wanted a positive integer as layers, got undefined"],
  ["an unknown option of a stack", () => TransformerEncoder({ features: 6, heads: 2, layers: 1 })(zeros([2, 1, 6]), { lengths: [1] } as object), 'TransformerEncoder: there is no option "lengths"'],
  ["images as sequences", () => Attention({ features: 6, heads: 2 })(q), "Attention: wanted sequences [T, N, features] or [T, features], got [2, 4, 3, 6]"],
  ["an unknown activation", () => TransformerEncoderBlock({ features: 6, heads: 2, activation: "tanh" as "relu" }), 'TransformerEncoderBlock: wanted "relu" or "gelu", or a function as activation, got "tanh"'],
]; // oxfmt-ignore
test.each(wrong)("refuses %s", (_, f, message) => {
  expect(f).toThrow(message);
});
