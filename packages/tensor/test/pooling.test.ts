// Options of pooling and padding, with the numbers of PyTorch.
import { expect, test } from "vitest";
import {
  avgPool,
  conv,
  convTranspose,
  IndexError,
  lpPool,
  maxPool,
  maxPoolWithIndices,
  maxUnpool,
  type Tensor,
} from "../src/index.ts";
import { reference } from "./backend.ts";

const { tensor } = reference();
const x = tensor(
  Array.from({ length: 20 }, (_, i) => (i * 7) % 11),
  { dtype: "f64" },
).reshape([1, 1, 4, 5]);
const w = tensor([1, 2, 3, 4], { dtype: "f64" }).reshape([1, 1, 2, 2]);

const table: [string, () => Tensor, number[]][] = [
  ["maxPool, ceilMode", () => maxPool(x, { window: 2, ceilMode: true }), [9, 10, 8, 6, 9, 10]],
  [
    "maxPool, dilation",
    () => maxPool(x, { window: [2, 3], stride: 1, padding: 1, dilation: [2, 1] }),
    [9, 9, 9, 8, 8, 7, 7, 10, 10, 10, 9, 9, 9, 9, 8, 4, 7, 7, 10, 10],
  ],
  [
    "avgPool, ceilMode",
    () => avgPool(x, { window: 2, padding: 1, ceilMode: true }),
    [0, 2.5, 4, 1.5, 5.25, 5.5, 1.5, 2.75, 1.5],
  ],
  [
    "avgPool, without padding",
    () => avgPool(x, { window: 2, padding: 1, ceilMode: true, countIncludePad: false }),
    [0, 5, 8, 3, 5.25, 5.5, 6, 5.5, 3],
  ],
  [
    "avgPool, divisor",
    () => avgPool(x, { window: 2, padding: 1, ceilMode: true, divisor: 3 }),
    [0, 10 / 3, 16 / 3, 2, 7, 22 / 3, 2, 11 / 3, 2],
  ],
  [
    "lpPool",
    () => lpPool(x, 3, { window: 2, ceilMode: true }),
    [10.25985568, 10.485997965, 11.334102216, 6.603854498, 10.696962482, 12.603408837],
  ],
  [
    "conv, same",
    () => conv(x, w, { padding: "same" }),
    [56, 60, 42, 57, 30, 32, 47, 40, 66, 38, 30, 56, 60, 42, 13, 10, 20, 19, 7, 1],
  ],
  [
    "conv, same, dilation",
    () => conv(x, w, { padding: "same", dilation: [1, 3] }),
    [26, 30, 78, 18, 13, 38, 28, 65, 26, 10, 50, 48, 30, 34, 18, 18, 16, 4, 9, 5],
  ],
];
test.each(table)("%s", (_, f, wanted) => {
  const got = f().dataSync();
  expect([...got]).toEqual(wanted.map((value) => expect.closeTo(value, 8)));
});

test("places of maxima", () => {
  const { values, indices } = maxPoolWithIndices(x, { window: 3, stride: 2, padding: 1 });
  expect([...values.dataSync()]).toEqual([9, 10, 10, 9, 9, 10]);
  expect([...indices.dataSync()]).toEqual([6, 3, 3, 6, 6, 14]);
  expect(indices.dtype).toBe("i32");
  const options = { window: 3, stride: 2, padding: 1 };
  expect(maxUnpool(values, indices, options).shape).toEqual([1, 1, 3, 5]);
  const y = maxUnpool(values, indices, { ...options, size: [4, 5] });
  expect(y.arraySync()).toEqual([
    [
      [
        [0, 0, 0, 10, 0],
        [0, 9, 0, 0, 0],
        [0, 0, 0, 0, 10],
        [0, 0, 0, 0, 0],
      ],
    ],
  ]);
});

test("maxUnpool reports an index beyond the result", () => {
  const index = tensor([4], { dtype: "i32" }).reshape([1, 1, 1]);
  expect(() => maxUnpool(tensor([[[1]]]), index, { window: 4 }).dataSync()).toThrow(IndexError);
});

test("padding that keeps the size divided by the stride", () => {
  for (const size of [1, 2, 5, 6, 7])
    for (const stride of [1, 2, 3])
      for (const window of [1, 2, 3, 4]) {
        const line = tensor(Array.from({ length: size }, () => 1)).reshape([1, 1, size]);
        const wanted = [1, 1, Math.ceil(size / stride)];
        expect(maxPool(line, { window, stride, padding: "same" }).shape).toEqual(wanted);
        expect(conv(line, line, { padding: "same", stride }).shape).toEqual(wanted);
      }
  expect(maxPool(x, { window: 2, padding: "valid" }).shape).toEqual([1, 1, 2, 2]);
});

const wrong: [string, () => unknown, string][] = [
  [
    "indices of another shape",
    () => maxUnpool(x, w, { window: 2 }),
    "maxUnpool: x of shape [1, 1, 4, 5] and indices of shape [1, 1, 2, 2] do not fit: wanted one index per element",
  ],
  [
    "a window for one axis",
    () => maxUnpool(x, x, { window: [2] }),
    "maxUnpool: shape [1, 1, 4, 5] has 2 spatial axes, window has 1",
  ],
  [
    "sizes without elements",
    () => maxUnpool(x, x, { window: 2, padding: 4 }),
    "maxUnpool: x of shape [1, 1, 4, 5] cannot become images of size [0, 2]",
  ],
  [
    "more padding than there is",
    () => convTranspose(tensor([[[1, 2]]]), tensor([[[1, 1]]]), { padding: 2 }),
    "convTranspose: padding [2, 2] cuts more than the 3 elements of spatial axis 0 of the result",
  ],
  ["a divisor", () => avgPool(x, { window: 2, divisor: 0 }), "avgPool: wanted a divisor other than 0"],
  ["a power", () => lpPool(x, 0, { window: 2 }), "lpPool: wanted a number other than 0 as p"],
  [
    "windows without elements",
    () => maxPool(tensor([[[1]]]), { window: 2, padding: 1, dilation: 2 }),
    "maxPool: a window of 3 does not fit on spatial axis 0 of size 1 with padding [1, 1]",
  ],
  [
    "padding",
    () => maxPool(x, { window: 2, padding: "some" as "same" }),
    'maxPool: wanted a finite number, or a list, or "same" or "valid" as padding, got "some"',
  ],
];
test.each(wrong)("refuses %s", (_, f, message) => expect(f).toThrow(expect.objectContaining({ message })));
