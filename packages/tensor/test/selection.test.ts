// Reading and writing at places: the numbers are NumPy's.
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
        .dataSync(),
    ).toEqual(Float32Array.of(0, 0, -0, 0));
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
