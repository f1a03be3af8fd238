// Knet's own functions, with the numbers of its documentation and of its notebook on convolution.
import { openSync } from "@weft/conformance";
import { conv, sum, mul, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import { bmm, conv4, deconv4, logistic, logp, mat, pool, sigm, unpool } from "../src/index.ts";

const { tensor, arange, randn } = openSync();
const flat = async (x: Tensor) => [...(await x.data())];
const line = (...values: number[]) => tensor([[values]]);
const count = (n: number) => line(...Array.from({ length: n }, (_, i) => i + 1));
const w = line(1, 2, 3);

test("conv4 flips the kernel by default; mode 1 does not", async () => {
  expect(await flat(conv4(w, count(7)))).toEqual([10, 16, 22, 28, 34]);
  expect(await flat(conv4(w, count(7), { mode: 1 }))).toEqual([14, 20, 26, 32, 38]);
});

test("conv4: padding, stride, dilation, alpha and group", async () => {
  expect(await flat(conv4(w, count(7), { padding: 1 }))).toEqual([4, 10, 16, 22, 28, 34, 32]);
  expect(await flat(conv4(w, count(7), { padding: 1, stride: 3 }))).toEqual([4, 22, 32]);
  expect(await flat(conv4(w, count(7), { dilation: 2 }))).toEqual([
    1 * 3 + 3 * 2 + 5,
    2 * 3 + 4 * 2 + 6,
    3 * 3 + 5 * 2 + 7,
  ]);
  expect(await flat(conv4(w, count(7), { alpha: -2 }))).toEqual([-20, -32, -44, -56, -68]);
  const two = tensor([[[1, 2, 3]], [[1, 0, 0]]]);
  expect(
    await flat(
      conv4(
        two,
        tensor([
          [
            [1, 2, 3, 4],
            [1, 2, 3, 4],
          ],
        ]),
        { group: 2 },
      ),
    ),
  ).toEqual([10, 16, 3, 4]);
});

test("conv4 over two axes: the notebook's square", async () => {
  // Knet is column-major: its reshape(1.0:9.0, (3,3)) is the transpose of this matrix, and so is the result.
  const x = tensor([
    [
      [
        [1, 2, 3],
        [4, 5, 6],
        [7, 8, 9],
      ],
    ],
  ]);
  const k = tensor([
    [
      [
        [1, 2],
        [3, 4],
      ],
    ],
  ]);
  expect(await conv4(k, x).array()).toEqual([
    [
      [
        [23, 33],
        [53, 63],
      ],
    ],
  ]);
});

test("conv4 over three axes flips all of them", async () => {
  const [x, k] = [randn([1, 2, 3, 4, 5], { seed: 1 }), randn([3, 2, 2, 2, 2], { seed: 2 })];
  const [a, b] = [await flat(conv4(k, x)), await flat(conv(x, k.flip({ axis: [2, 3, 4] })))];
  expect(a.length).toBe(3 * 2 * 3 * 4);
  expect(a).toEqual(b);
});

test("deconv4 is the adjoint of conv4, in both modes", async () => {
  for (const options of [{}, { mode: 1 }, { stride: 2, padding: 1 }, { dilation: 2, alpha: 3 }] as const) {
    const [x, k] = [randn([2, 3, 7, 7], { seed: 1 }), randn([4, 3, 3, 3], { seed: 2 })];
    const y = conv4(k, x, options);
    const z = randn(y.shape, { seed: 3 });
    const back = deconv4(k, z, options);
    expect(back.shape).toEqual(x.shape);
    expect(await sum(mul(y, z)).item()).toBeCloseTo((await sum(mul(x, back)).item()) as number, 8);
  }
});

test("pool: the notebook's rows, and averages with and without the padding", async () => {
  expect(await flat(pool(count(6)))).toEqual([2, 4, 6]);
  expect(await flat(pool(count(6), { window: 3 }))).toEqual([3, 6]);
  expect(await flat(pool(count(6), { padding: 1 }))).toEqual([1, 3, 5, 6]);
  expect(await flat(pool(count(10), { stride: 4 }))).toEqual([2, 6, 10]);
  expect(await flat(pool(count(6), { padding: 1, mode: 1 }))).toEqual([0.5, 2.5, 4.5, 3]);
  expect(await flat(pool(count(6), { padding: 1, mode: 2 }))).toEqual([1, 2.5, 4.5, 6]);
  expect(await flat(pool(count(6), { mode: 3, alpha: 0.5 }))).toEqual([1, 2, 3]);
});

test("pool: NaN is the maximum, or counts for nothing", async () => {
  const x = line(1, NaN, NaN, NaN, 2, 3);
  for (const mode of [0, 3] as const) {
    expect(await flat(pool(x, { mode }))).toEqual([NaN, NaN, 3]);
    expect(await flat(pool(x, { mode, maxpoolingNanOpt: 0 }))).toEqual([1, -Infinity, 3]);
  }
  expect(await flat(pool(x, { mode: 1, maxpoolingNanOpt: 0 }))).toEqual([NaN, NaN, 2.5]);
});

test("deconv4 chooses among the sizes of a stride", async () => {
  const y = deconv4(w, line(1, 2), { stride: 2, padding: 1, outputPadding: 1 });
  expect(await flat(y)).toEqual([2, 1 + 2 * 3, 4, 2]);
  expect(conv4(w, y, { stride: 2, padding: 1 }).shape).toEqual([1, 1, 2]);
});

test("pool(unpool(x)) is x, whatever the mode", async () => {
  expect(await flat(unpool(line(1, 2)))).toEqual([1, 1, 2, 2]);
  const x = randn([2, 3, 4, 4], { seed: 1 });
  for (const mode of [0, 1, 2, 3] as const)
    for (const options of [
      {},
      { window: 3 },
      { stride: 3 },
      { padding: 1 },
      { alpha: 2, padding: 1 },
      { window: [3, 2], stride: [4, 2], padding: [2, 1] },
      { window: [4, 1], padding: [1, 0], alpha: -0.5 },
    ]) {
      const both = await flat(pool(unpool(x, { ...options, mode }), { ...options, mode }));
      const wanted = await flat(x);
      expect(both.length).toBe(wanted.length);
      both.forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, 10));
    }
  expect(unpool(x, { window: 3, stride: 2, padding: 1 }).shape).toEqual([2, 3, 7, 7]);
});

test("mat joins the last axes", () => {
  const x = arange(0, 24).reshape([2, 3, 2, 2]);
  expect(mat(x).shape).toEqual([2, 12]);
  expect(mat(x, { dims: 2 }).shape).toEqual([6, 4]);
  expect(mat(x, { dims: 0 }).shape).toEqual([24, 1]);
  expect(mat(x, { dims: 4 }).shape).toEqual([1, 24]);
  expect(mat(openSync().zeros([0, 3, 2])).shape).toEqual([0, 6]);
});

test("bmm, logp, sigm and logistic", async () => {
  const [a, b] = [randn([2, 3, 4], { seed: 1 }), randn([2, 4, 5], { seed: 2 })];
  expect(await flat(bmm(a.transpose(), b.transpose(), { transA: true, transB: true }))).toEqual(await flat(bmm(a, b)));
  const x = tensor([
    [1, 2],
    [3, 4],
  ]);
  const all = Math.log(Math.exp(1) + Math.exp(2) + Math.exp(3) + Math.exp(4));
  expect(await flat(logp(x))).toEqual([1, 2, 3, 4].map((v) => expect.closeTo(v - all, 10)));
  expect((await flat(logp(x, { axis: 0 })))[0]).toBeCloseTo(1 - Math.log(Math.exp(1) + Math.exp(3)), 10);
  expect(await flat(sigm(tensor([0, 1000, -1000])))).toEqual([0.5, 1, 0]);
  const loss = (Math.log(1 + Math.exp(-2)) + Math.log(1 + Math.exp(-3))) / 2;
  expect(await logistic(tensor([2, -3]), tensor([1, -1])).item()).toBeCloseTo(loss, 10);
});

const wrong: [string, () => Tensor, string][] = [
  ["a mode of conv4", () => conv4(w, count(7), { mode: 2 as 0 }), "conv4: wanted 0 or 1 as mode, got number 2"],
  ["a mode of pool", () => pool(count(7), { mode: 4 as 0 }), "pool: wanted 0 or 1 or 2 or 3 as mode, got number 4"],
  [
    "matrices that do not line up",
    () => bmm(randn([2, 3, 4]), randn([4, 5])),
    "bmm: wanted matrices with equal leading axes, got [2, 3, 4] and [4, 5]",
  ],
  [
    "unpool without spatial axes",
    () => unpool(randn([2, 3])),
    "unpool: wanted x of shape [N, C, …] with 1 to 3 spatial axes, got [2, 3]",
  ],
  ["mat with too many axes", () => mat(randn([2, 3]), { dims: 3 }), "mat: wanted dims between 0 and 2, got 3"],
];
test.each(wrong)("refuses %s", (_, f, message) => expect(f).toThrow(expect.objectContaining({ message })));
