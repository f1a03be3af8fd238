// Reading and writing at places and indices: the numbers are NumPy's and PyTorch's.
import { describe, expect, test } from "vitest";
import * as weft from "../src/index.ts";
import { ArgumentError, DTypeError, IndexError, ShapeError, type Place } from "../src/index.ts";
import { reference } from "./backend.ts";

const { tensor, arange, zeros } = reference();
const x = arange(24).reshape([2, 3, 4]);
type Kind = new (message: string) => Error;
const ints = (...data: number[]) => tensor(Int32Array.from(data));

describe("at", () => {
  test("a range between indices puts their axes first", () => {
    expect(x.at(1, ":", [0, -1]).arraySync()).toEqual([
      [12, 16, 20],
      [15, 19, 23],
    ]);
    expect(x.at([0, 1], null, "...", [1, 2]).shape).toEqual([2, 1, 3]);
    expect(x.at([0, 1], [1, 2], "...", [1, 2]).arraySync()).toEqual([5, 22]);
  });
  test("indices beside each other stay where they are", () => {
    expect(x.at(":", [0, 2], ints(1, 3)).arraySync()).toEqual([
      [1, 11],
      [13, 23],
    ]);
    expect(x.at([[0], [1]], [0, 2]).shape).toEqual([2, 2, 4]);
    expect(x.at(0, [true, false, true]).arraySync()).toEqual([
      [0, 1, 2, 3],
      [8, 9, 10, 11],
    ]);
  });
  test("ranges may go backward and beyond the ends", () => {
    expect(x.at(0, 0, { step: -2 }).arraySync()).toEqual([3, 1]);
    expect(x.at("...", { start: 2, end: 99 }).shape).toEqual([2, 3, 2]);
    expect(x.at().shape).toEqual([2, 3, 4]);
  });
  test.each<[Place[], Kind, string]>([
    [[2], IndexError, "at: index 2 is out of range for axis 0 of shape [2, 3, 4]"],
    [[0, [0, -4]], IndexError, "at: index -4 is out of range for axis 1 of shape [2, 3, 4]"],
    [[0.5], ArgumentError, "at: an index is an integer, got 0.5"],
    [[0, 0, 0, 0], ShapeError, "at: 4 places do not fit shape [2, 3, 4] of 3 axes"],
    [["...", "..."], ArgumentError, 'at: wanted "..." once, got it twice'],
    [[[true]], ShapeError, "at: a mask of shape [1] does not fit axis 0 of shape [2, 3, 4]"],
    [[[[0], [0, 1]]], ShapeError, "at: nested lists of indices must be even"],
    [[{ step: 0 }], ArgumentError, "at: a step is an integer other than 0, got 0"],
    [[{ stop: 1 } as Place], ArgumentError, "at: wanted an integer, a range { start, end, step }"],
    [[tensor([true, false])], DTypeError, "at: a mask selects as many elements as its values say"],
    [[tensor([1])], DTypeError, "at: indices must be integers, got f32"],
  ])("%o is refused", (places, kind, message) => {
    expect(() => x.at(...places)).toThrow(kind);
    expect(() => x.at(...places)).toThrow(message);
  });
});

describe("setAt", () => {
  test("the last of several values counts", () => {
    const y = weft.setAt(zeros([4]), ints(1, 3, 1, -3), tensor([5, 6, 7, NaN]));
    expect(y.arraySync()).toEqual([0, NaN, 0, 6]);
    expect(
      weft
        .setAt(
          zeros([2, 2]),
          [
            [1, 1],
            [0, 0],
          ],
          tensor([-0, -0]),
        )
        .arraySync(),
    ).toEqual([
      [0, 0],
      [-0, 0],
    ]);
  });
  test("keeps the dtype of x", () => {
    expect(weft.setAt(ints(1, 2), 0, tensor([1.7])).dataSync()).toEqual(Int32Array.of(1, 2));
    expect(weft.setAt(tensor([1, 2], { dtype: "f16" }), [[0]], 0.5).dtype).toBe("f16");
    expect(weft.setAt(tensor([true, false]), [{ start: 1 }], 1).dtype).toBe("bool");
    expect(() => weft.setAt(ints(1, 2), 0, 1.5)).toThrow("setAt: the number 1.5 does not fit an i32 tensor");
  });
  test("a mask over the first axes", () => {
    const y = weft.setAt(arange(6).reshape([2, 3]), tensor([false, true]), tensor([7, 8, 9]));
    expect(y.arraySync()).toEqual([
      [0, 1, 2],
      [7, 8, 9],
    ]);
    expect(() => weft.setAt(x, tensor([true]), 1)).toThrow("setAt: a mask of shape [1] does not fit shape [2, 3, 4]");
  });
  test("values that do not fit are refused", () => {
    expect(() => weft.setAt(x, [0], zeros([2]))).toThrow("setAt: shape [2] does not broadcast to [3, 4]");
  });
});

describe("scatter", () => {
  const [t, i, u] = [tensor([1, 2, 3]), ints(0, 2, 0, 0), tensor([4, -5, 6, 2])];
  test.each([
    [undefined, [2, 2, -5], [2, 2, -5]],
    ["sum", [13, 2, -2], [12, 2, -5]],
    ["mean", [3.25, 2, -1], [4, 2, -5]],
    ["prod", [48, 2, -15], [48, 2, -5]],
    ["max", [6, 2, 3], [6, 2, -5]],
    ["min", [1, 2, -5], [2, 2, -5]],
  ] as const)("%s", (reduce, withSelf, without) => {
    const given = reduce === undefined ? {} : { reduce };
    expect(weft.scatter(t, i, u, given).arraySync()).toEqual(withSelf);
    expect(weft.scatter(t, i, u, { ...given, includeSelf: false }).arraySync()).toEqual(without);
  });
  test("a mean of integers is rounded down", () => {
    expect(weft.scatter(ints(0, 2), ints(0, 0), ints(-4, 3), { reduce: "mean" }).dataSync()).toEqual(
      Int32Array.of(-1, 2),
    );
  });
  test("refuses what does not fit", () => {
    expect(() => weft.scatter(t, ints(0, 1).reshape([1, 2]), 1)).toThrow("scatter: shapes [3] and [1, 2] do not fit");
    expect(() => weft.scatter(t, i, tensor([1]))).toThrow("these indices take at least [4]");
    expect(() => weft.scatter(t, tensor([true]), 1)).toThrow("scatter: indices must be integers, got bool, a mask");
    expect(() => weft.indexCopy(t, i, zeros([3]))).toThrow(
      "indexCopy: updates of shape [3] do not fit: these indices take [4]",
    );
    expect(() => weft.indexFill(ints(1, 2), ints(0), 0.5)).toThrow(
      "indexFill: the number 0.5 does not fit an i32 tensor",
    );
  });
});

test("rows that are assigned twice have the last value", () => {
  const y = weft.indexCopy(
    zeros([3, 2]),
    ints(2, 0, 2),
    tensor([
      [1, 2],
      [3, 4],
      [5, 6],
    ]),
  );
  expect(y.arraySync()).toEqual([
    [3, 4],
    [0, 0],
    [5, 6],
  ]);
  expect(weft.indexFill(y, ints(1), 7, { axis: 1 }).arraySync()).toEqual([
    [3, 7],
    [0, 7],
    [5, 7],
  ]);
});

test("searching, counting, repeating", () => {
  const edges = tensor([1, 3, 3, 5]);
  const odd = tensor([3, 0, NaN, Infinity, 5]);
  expect(weft.searchsorted(edges, odd).arraySync()).toEqual([1, 0, 4, 4, 3]);
  expect(weft.searchsorted(edges, odd, { side: "right" }).arraySync()).toEqual([3, 0, 4, 4, 4]);
  expect(weft.searchsorted(edges, 4).arraySync()).toBe(3);
  const exact = tensor([2 ** 24, 2 ** 24 + 1, 2 ** 24 + 2], { dtype: "i32" }); // f32 cannot tell them apart
  expect(weft.searchsorted(exact, 2 ** 24 + 1).arraySync()).toBe(1);
  expect(weft.bucketize(2 ** 24 + 1, exact, { side: "right" }).arraySync()).toBe(2);
  expect(weft.searchsorted(exact, 2 ** 31).arraySync()).toBe(3);
  expect(weft.searchsorted(tensor([1, 2], { dtype: "i32" }), 1.5).arraySync()).toBe(1);
  expect(weft.bucketize(tensor([3, 6, 9]), tensor([1, 3, 5, 7]), { side: "right" }).arraySync()).toEqual([2, 3, 4]);
  expect(weft.isin(odd, tensor([NaN, 5, 3])).arraySync()).toEqual([1, 0, 0, 0, 1]);
  expect(weft.histogram(tensor([1, 2, 1, 4]), { bins: 4, range: [0, 3] }).counts.arraySync()).toEqual([0, 2, 1, 0]);
  expect(weft.histogram(tensor([2, 2]), { bins: 2 }).edges.arraySync()).toEqual([1.5, 2, 2.5]);
  const weights = tensor([1, 1, 2, 4]);
  const { counts } = weft.histogram(tensor([0, 1, 4, NaN]), { bins: tensor([0, 1, 5]), weights, density: true });
  expect(counts.arraySync()).toEqual([0.25, 0.1875]);
  expect(weft.bincount(ints(1, 1, 3), { length: 5, weights: tensor([0.5, 1, 2]) }).arraySync()).toEqual([
    0, 1.5, 0, 2, 0,
  ]);
  expect(weft.repeatInterleave(ints(7, 8), ints(2, 1), { length: 3 }).arraySync()).toEqual([7, 7, 8]);
  expect(() => weft.repeatInterleave(ints(7, 8), ints(2, 1))).toThrow("wanted the sum of repeats as length");
  for (const repeats of [[1, 2], [2], 2])
    expect(() => weft.repeatInterleave(ints(7, 8), repeats, { length: 9 })).toThrow("got 9 as length");
  expect(weft.repeatInterleave(ints(7, 8), [1, 2], { length: 3 }).arraySync()).toEqual([7, 8, 8]);
  expect(() => weft.repeatInterleave(ints(7, 8), [1, 2, 3])).toThrow("wanted 2 repeats, one per element of the axis");
  expect(() => weft.bincount(ints(1), {} as never)).toThrow("bincount: wanted a non-negative integer as length");
});

test("searches what is not sorted as PyTorch does", () => {
  const x = tensor([0, 1, 2, 3, 4, 5]);
  const bins = tensor([0, 4, 2, 3.5]);
  expect(weft.searchsorted(bins, x).arraySync()).toEqual([0, 1, 1, 3, 4, 4]);
  expect(weft.searchsorted(bins, x, { side: "right" }).arraySync()).toEqual([1, 1, 3, 3, 4, 4]);
  expect(weft.histogram(x, { bins }).counts.arraySync()).toEqual([2, 0, 2]);
  expect(weft.histogram(x, { bins: tensor([4, 2, 1]) }).counts.arraySync()).toEqual([0, 0]);
});

test("too few elements for a mask, or repeats for a length, are an IndexError", () => {
  const y = weft.maskedScatter(zeros([3]), tensor([true, false, true]), tensor([1]));
  expect(() => y.dataSync()).toThrow(IndexError);
  expect(() => weft.repeatInterleave(ints(7, 8), ints(2, 1), { length: 4 }).dataSync()).toThrow(IndexError);
});

// PyTorch, but where its index_select leaves out the axis of several indices.
test("a scalar is indexed along axis 0 or -1 like a vector of one element", () => {
  const [five, seven, zero] = [tensor(5), tensor(7), tensor(0, { dtype: "i32" })];
  for (const axis of [0, -1]) {
    for (const [indices, rows] of [
      [zero, seven],
      [ints(0), tensor([7])],
    ] as const) {
      const at = { axis };
      expect(weft.scatter(five, indices, rows, at).arraySync()).toBe(7);
      expect(weft.scatter(five, indices, 7, at).arraySync()).toBe(7);
      expect(weft.scatter(five, indices, rows, { axis, reduce: "prod" }).arraySync()).toBe(35);
      expect(weft.scatterAdd(five, indices, rows, at).arraySync()).toBe(12);
      expect(weft.indexAdd(five, indices, rows, at).arraySync()).toBe(12);
      expect(weft.indexCopy(five, indices, rows, at).arraySync()).toBe(7);
      expect(weft.indexFill(five, indices, 7, at).arraySync()).toBe(7);
      for (const f of [weft.gather, weft.take])
        expect(f(five, indices, at).arraySync()).toEqual(indices.add(5).arraySync());
    }
    expect(weft.indexCopy(five, ints(0), seven, { axis }).arraySync()).toBe(7);
    expect(weft.unfold(five, { axis, size: 1 }).arraySync()).toEqual([5]);
  }
  expect(weft.gather(tensor([5, 6]), zero).arraySync()).toBe(5);
  expect(weft.scatter(tensor([5, 6]), zero, seven).arraySync()).toEqual([7, 6]);
  expect(weft.take(five, 0).arraySync()).toBe(5);
  expect(() => weft.gather(five, ints(1)).dataSync()).toThrow(IndexError);
  expect(() => weft.gather(five, zero, { axis: 1 })).toThrow(ShapeError);
  expect(() => weft.unfold(five, { size: 2 })).toThrow(ShapeError);
});
