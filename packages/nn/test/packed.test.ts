// Packed sequences: PyTorch's numbers, layers on them, and their errors.
import { diff, param, type Param } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { add, mul, permute, square, sum, type Tensor } from "@weft/tensor";
import { openSync as openCpu } from "@weft/tensor-cpu";
import { describe, expect, test } from "vitest";
import {
  packPaddedSequence,
  packSequence,
  padPackedSequence,
  padSequence,
  params,
  RNN,
  rnn,
  seed,
  unpackSequence,
  unpadSequence,
} from "../src/index.ts";

const reference = openSync({});
const { arange, randn, tensor, zeros } = reference;
const list = async (x: Tensor) => [...(await x.data())];
const near = (a: readonly number[], b: readonly number[], digits = 9) => {
  expect(a.length).toBe(b.length);
  a.forEach((value, i) => expect(value).toBeCloseTo(b[i]!, digits));
};

/** Numbers that PyTorch gives for arange(12) as [T = 4, B = 3] and lengths 2, 4, 1. */
const x = arange(12).reshape([4, 3]);
const lengths = [2, 4, 1];

test("packing and padding are PyTorch's", async () => {
  const packed = packPaddedSequence(x, lengths, { enforceSorted: false });
  expect(await list(packed.data)).toEqual([1, 0, 2, 4, 3, 7, 10]);
  expect(packed.batchSizes).toEqual([3, 2, 1, 1]);
  expect(packed.sortedIndices).toEqual([1, 0, 2]);
  const back = padPackedSequence(packed, { paddingValue: -1, totalLength: 5 });
  expect(await back.x.array()).toEqual([
    [0, 1, 2],
    [3, 4, -1],
    [-1, 7, -1],
    [-1, 10, -1],
    [-1, -1, -1],
  ]);
  expect(back.lengths).toEqual(lengths);
  const first = packPaddedSequence(permute(x, [1, 0]), lengths, { batchFirst: true, enforceSorted: false });
  expect(await list(first.data)).toEqual(await list(packed.data));
  expect((await Promise.all(unpackSequence(packed).map(list))).map(String)).toEqual(["0,3", "1,4,7,10", "2"]);
});

test("lists of sequences", async () => {
  const all = [tensor([[1, 2], [3, 4]]), tensor([[5, 6]])]; // oxfmt-ignore
  expect(await padSequence(all, { paddingValue: 9 }).array()).toEqual([
    [
      [1, 2],
      [5, 6],
    ],
    [
      [3, 4],
      [9, 9],
    ],
  ]);
  expect(padSequence(all, { batchFirst: true }).shape).toEqual([2, 2, 2]);
  expect(await list(packSequence(all).data)).toEqual([1, 2, 5, 6, 3, 4]);
  const apart = unpadSequence(padSequence(all, { batchFirst: true }), [2, 1], { batchFirst: true });
  expect((await Promise.all(apart.map(list))).map(String)).toEqual(["1,2,3,4", "5,6"]);
});

test("gradients go through packing and padding", async () => {
  const p = param(x);
  const tape = diff(() => {
    const packed = packPaddedSequence(p, lengths, { enforceSorted: false });
    return sum(mul(square(padPackedSequence(packed).x), 0.5));
  });
  expect(await list(tape.grad(p))).toEqual([0, 1, 2, 3, 4, 0, 0, 7, 0, 0, 10, 0]);
});

describe.each(["tanh", "lstm", "gru"] as const)("a layer on a packed sequence: %s", (type) => {
  test.each([
    ["reference", reference, 9],
    ["CPU", openCpu({}), 4],
  ] as const)("has the results and gradients of lengths: %s", async (_, backend, digits) => {
    const [T, B, I, H] = [4, 3, 2, 2];
    seed(1);
    const net = RNN({ type, in: I, hidden: H, layers: 2, bidirectional: true });
    const given = param(backend.randn([T, B, I], { seed: 1 }));
    const h = param(backend.randn([4, B, H], { seed: 2 }));
    const weight = backend.randn([T, B, 2 * H], { seed: 3 });
    const found = async (f: () => { readonly y: Tensor; readonly h: Tensor }) => {
      const tape = diff(() => {
        const { y, h: end } = f();
        return add(sum(mul(y, weight)), sum(mul(end, backend.randn(end.shape, { seed: 4 }))));
      });
      const all: Param[] = [given, h, ...params(net)];
      return [await tape.value.item(), ...(await Promise.all(all.map((p) => list(tape.grad(p))))).flat()];
    };
    const packed = await found(() => {
      const { y, h: end } = net.run(packPaddedSequence(given, lengths, { enforceSorted: false }), { h });
      return { y: padPackedSequence(y).x, h: end };
    });
    const plain = await found(() => net.run(given, { h, lengths: backend.tensor(lengths, { dtype: "i32" }) }));
    near(packed, plain, digits);
  });
});

test("functions take Knet's batchSizes", async () => {
  const packed = packSequence([randn([3, 2], { seed: 1 }), randn([1, 2], { seed: 2 })]);
  const weights = [randn([2, 2], { seed: 3 }), randn([2, 2], { seed: 4 }), zeros([2]), zeros([2])];
  const { y, h } = rnn(packed.data, null, weights, { batchSizes: packed.batchSizes });
  expect([y.shape, h.shape]).toEqual([
    [4, 2],
    [1, 2, 2],
  ]);
  const [alone] = unpackSequence(packed);
  const { y: wanted } = rnn(alone!, null, weights);
  const [got] = unpackSequence({ ...packed, data: y });
  near(await list(got!), await list(wanted));
});

const wrong: [string, () => unknown, string][] = [
  [
    "an order that is none",
    () => padPackedSequence({ data: tensor([1, 2, 3]), batchSizes: [2, 1], sortedIndices: [5, 0] }),
    "padPackedSequence: wanted each of 0 to 1 as sortedIndices, got [5, 0]",
  ],
  [
    "an order with a sequence twice",
    () => padPackedSequence({ data: tensor([1, 2, 3]), batchSizes: [2, 1], sortedIndices: [1, 1] }),
    "padPackedSequence: wanted each of 0 to 1 as sortedIndices, got [1, 1]",
  ],
  [
    "lengths that increase",
    () => packPaddedSequence(x, lengths),
    "packPaddedSequence: wanted lengths that do not increase, got [2, 4, 1]; or { enforceSorted: false }",
  ],
  [
    "lengths beyond the steps",
    () => packPaddedSequence(x, [5, 1, 1]),
    "packPaddedSequence: wanted 3 lengths up to 4 for x [4, 3], got [5, 1, 1]",
  ],
  [
    "a length of 0",
    () => packPaddedSequence(x, [1, 1, 0]),
    "packPaddedSequence: wanted a list of positive integers as lengths, got [1, 1, 0]",
  ],
  [
    "lengths that are on a backend",
    () => packPaddedSequence(x, tensor([4, 2, 1]) as unknown as number[]),
    "packPaddedSequence: wanted numbers as lengths, since they decide about shapes, got a tensor f32[3]; use await lengths.array()",
  ],
  [
    "a short total",
    () => padPackedSequence(packPaddedSequence(x, [4, 2, 1]), { totalLength: 3 }),
    "padPackedSequence: wanted a totalLength of at least 4, got 3",
  ],
  [
    "rows that are not those of the sizes",
    () => padPackedSequence({ data: x, batchSizes: [3] }),
    "padPackedSequence: wanted 3 rows, the sum of batchSizes, got data [4, 3]",
  ],
  [
    "sizes that increase",
    () => padPackedSequence({ data: zeros([3]), batchSizes: [1, 2] }),
    "padPackedSequence: wanted a list of positive integers that do not increase as batchSizes, got [1, 2]",
  ],
  [
    "sizes that increase, to take apart",
    () => unpackSequence({ data: zeros([3]), batchSizes: [1, 2] }),
    "unpackSequence: wanted a list of positive integers that do not increase as batchSizes, got [1, 2]",
  ],
  ["no sequences", () => padSequence([]), "padSequence: wanted at least one sequence, got none"],
  [
    "other features",
    () => packSequence([zeros([2, 3]), zeros([2, 4])]),
    "packSequence: wanted sequences [T, 3], got [2, 4]",
  ],
];
test.each(wrong)("refuses %s", (_, f, message) => expect(f).toThrow(expect.objectContaining({ message })));
