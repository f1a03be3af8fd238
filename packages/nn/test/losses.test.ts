// Losses: options, shapes and error messages; values and gradients are tested by the golden vectors.
import { openSync } from "@weft/conformance";
import { IndexError, logSoftmax, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import { accuracy, bceWithLogits, crossEntropy, huber, mae, mse, nll } from "../src/index.ts";

const { tensor } = openSync();
const labels = (...values: number[]) => tensor(values, { dtype: "i32" });
const close = async (x: Tensor, wanted: number) => expect(await x.item()).toBeCloseTo(wanted, 10);
const scores = [
  [1, 2, 3],
  [0, 0, 0],
] as const;
const row = (s: readonly number[], label: number) => Math.log(s.reduce((n, v) => n + Math.exp(v), 0)) - s[label]!;
const [a, b] = [row(scores[0], 0), row(scores[1], 2)];

test("crossEntropy: reductions, and nll of log-probabilities is the same", async () => {
  const x = tensor(scores);
  await close(crossEntropy(x, labels(0, 2)), (a + b) / 2);
  await close(crossEntropy(x, labels(0, 2), { reduction: "sum" }), a + b);
  const rows = await crossEntropy(x, labels(0, 2), { reduction: "none" }).array();
  expect(rows).toEqual([expect.closeTo(a, 10), expect.closeTo(b, 10)]);
  await close(nll(logSoftmax(x), labels(0, 2)), (a + b) / 2);
});

test("crossEntropy: ignored rows count neither in the numerator nor in the denominator", async () => {
  const x = tensor(scores);
  await close(crossEntropy(x, labels(-1, 2), { ignoreIndex: -1 }), b);
  await close(nll(logSoftmax(x), labels(0, -7), { ignoreIndex: -7 }), a);
  expect(await crossEntropy(x, labels(-1, 2), { ignoreIndex: -1, reduction: "none" }).array()).toEqual([
    0,
    expect.closeTo(b, 10),
  ]);
  expect(await crossEntropy(x, labels(-1, -1), { ignoreIndex: -1 }).item()).toBeNaN();
});

test("crossEntropy: one row, further axes, and probabilities for labels", async () => {
  await close(crossEntropy(tensor(scores[0]), tensor(0, { dtype: "i32" })), a);
  // [N, C, L]: each position along L is a row.
  const x = tensor([
    [
      [1, 0],
      [2, 0],
      [3, 0],
    ],
  ]);
  await close(crossEntropy(x, tensor([[0, 2]], { dtype: "i32" })), (a + b) / 2);
  expect(await crossEntropy(x, tensor([[0, 2]], { dtype: "i32" }), { reduction: "none" }).array()).toEqual([
    [expect.closeTo(a, 10), expect.closeTo(b, 10)],
  ]);
  await close(
    crossEntropy(
      tensor(scores),
      tensor([
        [1, 0, 0],
        [0, 0, 1],
      ]),
    ),
    (a + b) / 2,
  );
  const smooth = { labelSmoothing: 0.3 };
  const soft = await crossEntropy(
    tensor(scores),
    tensor([
      [1, 0, 0],
      [0, 0, 1],
    ]),
    smooth,
  ).item();
  await close(crossEntropy(tensor(scores), labels(0, 2), smooth), soft as number);
});

test("a label out of range is an IndexError at the next read", async () => {
  const loss = crossEntropy(tensor(scores), labels(0, 3));
  await expect(loss.item()).rejects.toThrow(
    expect.objectContaining({ name: "IndexError", message: expect.stringMatching(/index 3 is out of range/) }),
  );
});

test("the other losses", async () => {
  const [x, y] = [tensor([1, -2, 4]), tensor([0, 0, 1])];
  await close(mse(x, y), (1 + 4 + 9) / 3);
  await close(mae(x, y), 2);
  await close(huber(x, y, { delta: 1.5 }), (0.5 + 1.5 * (2 - 0.75) + 1.5 * (3 - 0.75)) / 3);
  await close(mse(x, 1, { reduction: "sum" }), 0 + 9 + 9);
  await close(bceWithLogits(tensor([1000, -1000]), tensor([1, 0])), 0);
  await close(bceWithLogits(tensor([0]), tensor([0.25])), Math.log(2));
});

test("accuracy: the fraction of rows whose highest score is at the label", async () => {
  const x = tensor([
    [1, 2, 3],
    [5, 0, 0],
    [0, 9, 1],
    [1, 0, 0],
  ]);
  await close(accuracy(x, labels(2, 0, 0, 0)), 3 / 4);
  await close(accuracy(x, labels(2, -1, 0, -1), { ignoreIndex: -1 }), 1 / 2);
  // Ignored rows count neither as right nor as wrong, whatever the scores.
  await close(accuracy(x, labels(2, 0, 1, 1), { ignoreIndex: 1 }), 1);
  await close(accuracy(x, labels(2, 1, 0, 0), { ignoreIndex: 0 }), 1 / 2);
  await close(accuracy(x, labels(2, 0, 0, 0), { ignoreIndex: 7 }), 3 / 4);
});

const wrong: [string, () => Tensor, string, string][] = [
  [
    "labels of another length",
    () => crossEntropy(tensor(scores), labels(1)),
    "ShapeError",
    "crossEntropy: scores [2, 3] want labels [2], got [1]",
  ],
  [
    "labels as a column",
    () => nll(tensor(scores), tensor([[1], [2]], { dtype: "i32" })),
    "ShapeError",
    "nll: scores [2, 3] want labels [2], got [2, 1]",
  ],
  [
    "labels that are floats",
    () => crossEntropy(tensor(scores), tensor([1, 2])),
    "DTypeError",
    "crossEntropy: labels are class numbers of shape [2] and dtype i32, got f32[2]",
  ],
  [
    "scores without classes",
    () => accuracy(tensor(1), labels(1)),
    "ShapeError",
    "accuracy: wanted scores with a class axis, got shape []",
  ],
  [
    "targets of another shape",
    () => mse(tensor([[1], [2]]), tensor([1, 2])),
    "ShapeError",
    "mse: predictions [2, 1] and targets [2] differ; reshape one",
  ],
  ["two numbers", () => mse(1, 2), "ArgumentError", "mse: wanted a tensor as predictions or targets, got two numbers"],
  [
    "an unknown reduction",
    () => mae(tensor([1]), 1, { reduction: "median" as "mean" }),
    "ArgumentError",
    'mae: wanted "mean" or "sum" or "none" as reduction, got "median"',
  ],
  [
    "an ignored label that no label can be",
    () => crossEntropy(tensor(scores), labels(1, 2), { ignoreIndex: 2 ** 32 + 1 }),
    "ArgumentError",
    "crossEntropy: wanted an integer that fits i32 as ignoreIndex, got number 4294967297",
  ],
  [
    "smoothing above one",
    () => crossEntropy(tensor(scores), labels(0, 1), { labelSmoothing: 2 }),
    "ArgumentError",
    "crossEntropy: wanted a number from 0 to 1 as labelSmoothing, got number 2",
  ],
];
test.each(wrong)("refuses %s", (_, f, name, message) => {
  expect(f).toThrow(expect.objectContaining({ name, message }));
});

test("losses of integers are computed in floats", async () => {
  const i32 = (...v: number[]) => tensor(v, { dtype: "i32" });
  const u8 = (...v: number[]) => tensor(v, { dtype: "u8" });
  await close(mse(i32(50000), i32(0)), 2.5e9);
  await close(mse(i32(50000), 0), 2.5e9);
  await close(mse(u8(0, 255), u8(255, 0)), 255 ** 2);
  await close(mse(tensor([true, false]), tensor([false, false])), 0.5);
  await close(mae(i32(2147483647), i32(-1)), 2147483648);
  await close(mae(u8(1), u8(3)), 2);
  await close(huber(i32(2147483647), i32(-1)), 2147483647.5);
  await close(huber(i32(1), i32(3), { delta: 1.5 }), 1.5 * (2 - 0.75));
  await close(bceWithLogits(i32(2), tensor([true])), Math.log1p(Math.exp(2)) - 2);
  await close(bceWithLogits(i32(60000), i32(60000), { reduction: "sum" }), 60000 - 3.6e9);
});

test("accuracy: a label out of range is an IndexError, an ignored one is not", async () => {
  const x = tensor(scores);
  for (const [wrong, options] of [
    [labels(2, 3), {}],
    [labels(-1, 0), {}],
    [labels(2, 7), { ignoreIndex: -1 }],
  ] as const)
    await expect(accuracy(x, wrong, options).item()).rejects.toThrow(IndexError);
  await close(accuracy(x, labels(2, -1), { ignoreIndex: -1 }), 1);
  await close(accuracy(x, labels(2, 99), { ignoreIndex: 99 }), 1);
  await close(accuracy(x, labels(2, 1)), 0.5);
  await expect(accuracy(tensor(scores[0]), tensor(3, { dtype: "i32" })).item()).rejects.toThrow(IndexError);
  await close(
    accuracy(
      tensor([
        [
          [1, 0],
          [2, 0],
          [3, 1],
        ],
      ]),
      tensor([[2, 2]], { dtype: "i32" }),
    ),
    1,
  );
});
