// Samples of reading and writing at places, indices and masks.
import * as weft from "@weft/tensor";
import type { Tensor } from "@weft/tensor";
import { booleans, distinct, floats, integers, sample, values, type Collection } from "../sample.ts";

type Selecting =
  | "at"
  | "bincount"
  | "bucketize"
  | "histogram"
  | "indexCopy"
  | "indexFill"
  | "isin"
  | "maskedScatter"
  | "repeatInterleave"
  | "scatter"
  | "searchsorted"
  | "setAt";

const sorted = values([-1, 0.5, 0.5, 2]);
const odd = values([0.5, NaN, -Infinity, Infinity, 0, 2], "f32", [2, 3]);
const plain = { differentiable: [] };

const reduced = (reduce: "sum" | "mean" | "prod" | "min" | "max", includeSelf: boolean) =>
  sample(reduce, [distinct(3, 2), values([0, 2, 0, 0], "i32", [4, 1]), distinct(4, 2)], (x, i, u) =>
    weft.scatter(x, i, u, { reduce, includeSelf }),
  );

export const selection: Collection<Selecting> = {
  family: "indexing",
  samples: {
    at: [
      sample("positions and ranges", [floats(3, 4, 3)], (x) => x.at(-1, { start: 3, end: 0, step: -2 }, null)),
      sample("a list and a tensor", [floats(2, 3, 4), integers(-2, 2, 2, 1)], (x, i) => weft.at(x, i, "...", [0, -1])),
      sample("tensors beside each other", [floats(2, 3, 4), integers(-3, 3, 2), integers(0, 4, 2)], (x, i, j) =>
        weft.at(x, ":", i, j),
      ),
      sample("nothing", [booleans(3, 2)], (x) => x.at([], { start: 1 })),
    ],
    scatter: [
      sample(
        "the last one of three",
        [floats(2, 4), values([1, 3, 1, 1, 0, 0], "i32", [2, 3]), floats(2, 3)],
        (x, i, u) => weft.scatter(x, i, u, { axis: 1 }),
      ),
      sample("fewer lines than x, in u8", [values([1, 2, 3, 4], "u8", [2, 2]), integers(0, 2, 1, 1)], (x, i) =>
        weft.scatter(x, i, 9),
      ),
      reduced("sum", false),
      reduced("mean", true),
      reduced("prod", true),
      reduced("max", false),
      reduced("min", true),
    ],
    indexCopy: [
      sample("rows", [floats(3, 2), values([2, 0, 2], "i32"), floats(3, 2)], (x, i, u) => weft.indexCopy(x, i, u)),
      sample("columns", [booleans(2, 3), integers(0, 3, 1, 2), booleans(2, 1, 2)], (x, i, u) =>
        weft.indexCopy(x, i, u, { axis: 1 }),
      ),
    ],
    indexFill: [
      sample("a scalar", [floats(3, 2), values([1, 1], "i32"), floats()], (x, i, v) =>
        weft.indexFill(x, i, v, { axis: -1 }),
      ),
      sample("nothing", [integers(-9, 10, 3), integers(0, 3, 0)], (x, i) => weft.indexFill(x, i, 4)),
    ],
    setAt: [
      sample("ranges", [floats(4, 3), floats(2, 1)], (x, v) => weft.setAt(x, [{ step: -2 }, { end: 2 }], v)),
      sample("the last one of three", [floats(4, 2), values([2, -4, 2, 2], "i32"), floats(4, 2)], (x, i, v) =>
        weft.setAt(x, i, v),
      ),
      sample("tensors and a position", [floats(2, 3, 2), integers(-3, 3, 4), floats(4)], (x, i, v) =>
        weft.setAt(x, [1, i, 0], v),
      ),
      sample("a mask", [floats(3, 2), booleans(3), floats(2)], (x, m, v) => weft.setAt(x, m, v)),
      sample("a number in i32", [integers(-9, 10, 3, 2)], (x) => weft.setAt(x, [[0, -1], 1], 7)),
    ],
    searchsorted: [
      sample("values of any kind", [sorted, odd], (s, v) => weft.searchsorted(s, v), plain),
      sample("rows", [values([1, 3, 3, 5, 2, 2], "i32", [2, 3]), integers(0, 6, 2, 4)], (s, v) =>
        weft.searchsorted(s, v, { side: "right" }),
      ),
      sample("an integer that f32 cannot hold", [values([2 ** 24, 2 ** 24 + 1, 2 ** 24 + 2], "i32")], (s) =>
        weft.searchsorted(s, 2 ** 24 + 1),
      ),
    ],
    bucketize: [sample("right", [odd, sorted], (x, b) => weft.bucketize(x, b, { side: "right" }), plain)],
    isin: [
      sample("floats", [odd, values([2, NaN, 7, -Infinity])], (x, v) => weft.isin(x, v), plain),
      sample("in nothing", [integers(0, 4, 3), integers(0, 4, 0)], (x, v) => weft.isin(x, v)),
    ],
    bincount: [
      sample("integers", [integers(0, 4, 2, 3)], (x) => weft.bincount(x, { length: 5 })),
      sample("weights", [integers(0, 3, 4), floats(4)], (x, weights) => weft.bincount(x, { length: 3, weights })),
    ],
    histogram: [
      sample("a range", [odd], (x) => weft.histogram(x, { bins: 2, range: [-1, 3] }).counts, plain),
      sample("nothing", [floats(0)], (x) => Object.values(weft.histogram(x, { bins: 2 })) as Tensor[], plain),
      sample("even, of integers that floats round", [values([16777216, 16777217, 16777218, 2 ** 31 - 1, -(2 ** 31)], "i32")], (x) => weft.histogram(x, { bins: 7 }).counts, plain), // prettier-ignore
      sample("even, of few integers", [values([16777216, 16777217, 16777218], "i32")], (x) => weft.histogram(x, { bins: 3 }).counts, plain), // prettier-ignore
      sample("a range, of integers", [values([16777216, 16777217, 16777218], "i32")], (x) => weft.histogram(x, { bins: 2, range: [16777216.5, 16777218] }).counts, plain), // prettier-ignore
      sample("even", [distinct(7)], (x) => Object.values(weft.histogram(x, { bins: 3 })) as Tensor[], {
        differentiable: [],
      }),
      sample(
        "edges and weights",
        [odd, sorted, floats(6)],
        (x, bins, weights) => weft.histogram(x, { bins, weights, density: true }).counts,
        plain,
      ),
    ],
    repeatInterleave: [
      sample("a number", [floats(2, 3)], (x) => weft.repeatInterleave(x, 2, { axis: 1 })),
      sample("a list", [floats(3, 2)], (x) => weft.repeatInterleave(x, [2, 0, 1], { axis: 0 })),
      sample(
        "a tensor",
        [booleans(3), values([1, 0, 3], "i32")],
        (x, n) => weft.repeatInterleave(x, n, { length: 4 }),
        { views: false }, // other repeats have another sum
      ),
    ],
    maskedScatter: [
      sample("a mask of columns", [floats(2, 3), booleans(3), floats(7)], (x, m, u) => weft.maskedScatter(x, m, u)),
    ],
  },
};
