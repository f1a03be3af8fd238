// Pieces, diagonals, grids, padding and windows: the numbers are PyTorch's.
import { expect, test } from "vitest";
import * as weft from "../src/index.ts";
import { ArgumentError, ShapeError } from "../src/index.ts";
import { reference } from "./backend.ts";

const { pad, scatterAdd } = weft;
const { tensor, arange, ones, logspace, zeros } = reference();
const x = arange(1, 13).reshape([3, 4]);
const lists = (ys: readonly weft.Tensor[]) => ys.map((y) => y.arraySync());

test("pad says what pads are", () => {
  for (const pads of [[1, 1], [[1, 1], [2]], [[1, 0.5]], 3, undefined])
    expect(() => pad(x, { pads: pads as never })).toThrow(
      "wanted a list of pairs [before, after], one per axis, as pads",
    );
});

test("movedim of a scalar", () => {
  expect(weft.movedim(tensor(7), 0, -1).arraySync()).toBe(7);
  expect(weft.movedim(tensor(7), [-1], [0]).shape).toEqual([]);
  expect(() => weft.movedim(tensor(7), 1, 0)).toThrow("axis 1 is out of range");
});

test("a number that integers cannot hold is refused, not rounded", () => {
  const x = tensor([1, 2], { dtype: "i32" });
  for (const value of [0.5, NaN, Infinity, 2 ** 31])
    for (const f of [() => pad(x, { pads: [[1, 0]], value }), () => scatterAdd(x, zeros([1], { dtype: "i32" }), value)])
      expect(f).toThrow(`the number ${value} does not fit an i32 tensor; cast the tensor to f32 first`);
  expect(pad(x, { pads: [[1, 0]], value: -7 }).arraySync()).toEqual([-7, 1, 2]);
});

test("pad copies elements", () => {
  const padded = (pads: [number, number], mode: "reflect" | "circular" | "replicate") =>
    weft
      .pad(x, { pads: [[0, 0], pads], mode })
      .slice({ ends: [1] })
      .arraySync();
  expect(padded([3, 2], "reflect")).toEqual([[4, 3, 2, 1, 2, 3, 4, 3, 2]]);
  expect(padded([3, 2], "circular")).toEqual([[2, 3, 4, 1, 2, 3, 4, 1, 2]]);
  expect(padded([-1, 2], "replicate")).toEqual([[2, 3, 4, 4, 4]]);
  expect(() => padded([4, 0], "reflect")).toThrow(ShapeError);
  expect(() => padded([5, 0], "circular")).toThrow(ShapeError);
  expect(() => weft.pad(zeros([0]), { pads: [[1, 0]], mode: "replicate" })).toThrow(ShapeError);
  expect(() =>
    weft.pad(x, {
      pads: [
        [0, 0],
        [1, 1],
      ],
      mode: "reflect",
      value: 1,
    }),
  ).toThrow(ArgumentError);
  expect(
    weft
      .pad(x, {
        pads: [
          [-2, 1],
          [-3, 0],
        ],
        value: 7,
      })
      .arraySync(),
  ).toEqual([[12], [7]]);
});

test("diagonals", () => {
  expect(weft.diagonal(x, { k: 1 }).arraySync()).toEqual([2, 7, 12]);
  expect(weft.diagonal(x, { k: -1 }).arraySync()).toEqual([5, 10]);
  expect(weft.diagEmbed(tensor([1, 2]), { k: -1 }).arraySync()).toEqual([
    [0, 0, 0],
    [1, 0, 0],
    [0, 2, 0],
  ]);
  expect(weft.trace(x).itemSync()).toBe(18);
  expect(() => weft.diag(ones([2, 2, 2]))).toThrow("diag: wanted a vector or a matrix, got shape [2, 2, 2]");
  expect(() => weft.diagonal(x, { axes: [0, -2] })).toThrow("diagonal: wanted two different axes");
});

test("turns, moves and products", () => {
  expect((weft.rot90(x).arraySync() as number[][])[0]).toEqual([4, 8, 12]);
  expect((weft.rot90(x, { k: -1 }).arraySync() as number[][])[0]).toEqual([9, 5, 1]);
  expect(weft.movedim(ones([2, 3, 4, 5]), [0, 2], [-1, 0]).shape).toEqual([4, 3, 5, 2]);
  expect(
    weft
      .kron(
        tensor([
          [1, 2],
          [3, 4],
        ]),
        tensor([[0, 1]]),
      )
      .arraySync(),
  ).toEqual([
    [0, 1, 0, 2],
    [0, 3, 0, 4],
  ]);
  expect(weft.blockDiag([zeros([0]), tensor(5)]).shape).toEqual([2, 1]);
});

test("pieces", () => {
  expect(lists(weft.tensorSplit(arange(7), 3))).toEqual([
    [0, 1, 2],
    [3, 4],
    [5, 6],
  ]);
  expect(lists(weft.chunk(arange(7), 3))).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
  expect(lists(weft.tensorSplit(arange(7), [2, -2, 1]))).toEqual([[0, 1], [2, 3, 4], [], [1, 2, 3, 4, 5, 6]]);
  expect(() => weft.chunk(arange(7), 0)).toThrow("chunk: wanted a positive integer as n, got number 0");
});

test("windows", () => {
  const [first] = weft.unfold(x, { axis: 1, size: 3 }).arraySync() as number[][][];
  expect(first).toEqual([
    [1, 2, 3],
    [2, 3, 4],
  ]);
  expect(weft.im2col(x.reshape([1, 1, 3, 4]), { window: [2, 2], padding: 1, stride: 2 }).arraySync()).toEqual([
    [
      [0, 0, 0, 0, 6, 8],
      [0, 0, 0, 5, 7, 0],
      [0, 2, 4, 0, 10, 12],
      [1, 3, 0, 9, 11, 0],
    ],
  ]);
  expect(weft.col2im(ones([1, 4, 6]), { size: [3, 4], window: [2, 2] }).arraySync()).toEqual([
    [
      [
        [1, 2, 2, 1],
        [2, 4, 4, 2],
        [1, 2, 2, 1],
      ],
    ],
  ]);
  expect(weft.im2col(x.reshape([1, 1, 3, 4]), { window: [1, 2], stride: 2, padding: "same" }).arraySync()).toEqual([
    [
      [1, 3, 9, 11],
      [2, 4, 10, 12],
    ],
  ]);
  expect(weft.im2col(x.reshape([1, 1, 12]), { window: 2, padding: [[0, 1]] }).arraySync()).toEqual([
    [
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
      [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0],
    ],
  ]);
  expect(weft.col2im(ones([1, 4, 12]), { size: [3, 4], window: 2, padding: "same" }).arraySync()).toEqual([
    [
      [
        [1, 2, 2, 2],
        [2, 4, 4, 4],
        [2, 4, 4, 4],
      ],
    ],
  ]);
  const image = ones([1, 1, 3, 4]);
  expect(() => weft.im2col(x, { window: 2 })).toThrow("im2col: shape [3, 4] does not fit: wanted [N, C, ...]");
  expect(() => weft.im2col(image, { window: [2] })).toThrow(
    "im2col: shape [1, 1, 3, 4] has 2 spatial axes, window has 1",
  );
  expect(() => weft.im2col(image, { window: 0 })).toThrow("im2col: window [0, 0] must be integers from 1");
  expect(() => weft.im2col(image, { window: 4 })).toThrow(
    "im2col: a window of 4 does not fit on spatial axis 0 of size 3",
  );
  expect(() => weft.col2im(image, { size: [3, 4], window: 2 })).toThrow(
    "col2im: wanted columns [N, C · window, count]",
  );
  expect(() => weft.col2im(ones([1, 4, 5]), { size: [3, 4], window: 2 })).toThrow("wanted columns [N, C · 4, 6]");
  expect(() => weft.col2im(ones([1, 4, 6]), { size: [3, 0.5], window: 2 })).toThrow("cannot have the size [3, 0.5]");
  expect(() => weft.unfold(x, { size: 5 })).toThrow("unfold: a window of 5 does not fit on axis 1 of shape [3, 4]");
});

test("logspace", () => {
  expect(logspace(-1, 1, 3, { dtype: "f64" }).arraySync()).toEqual([0.1, 1, 10]);
  expect(logspace(0, 3, 4, { base: 2, dtype: "i32" }).arraySync()).toEqual([1, 2, 4, 8]);
});

test("counts beyond anything end at once", () => {
  expect(weft.difference(tensor([1, 2]), { n: 1e9 }).shape).toEqual([0]);
  expect(weft.difference(tensor([1, 4, 9]), { n: 2 }).arraySync()).toEqual([2]);
  expect(() => weft.tensorSplit(ones([10]), 1e10)).toThrow("tensorSplit: 10000000000 parts are too many");
  expect(() => weft.polygamma(33, x)).toThrow("polygamma: wanted an integer from 0 to 32 as n, got number 33");
  expect(
    weft
      .polygamma(32, tensor([5]))
      .div(2265821504662.514)
      .itemSync(),
  ).toBeCloseTo(-1, 5);
});
test("applyFused refuses what is no operation", () => {
  expect(() => weft.applyFused({} as never, [x], undefined)).toThrow("applyFused: wanted an operation");
});
