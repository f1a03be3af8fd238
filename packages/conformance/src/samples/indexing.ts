// Samples of the indexing family, with indices in range. Those out of range have cases of their own.
import * as weft from "@weft/tensor";
import type { IndexingOps } from "@weft/tensor/internals";
import { booleans, floats, integers, sample, values, type Collection } from "../sample.ts";

export const indexing: Collection<keyof IndexingOps | "oneHot"> = {
  family: "indexing",
  samples: {
    take: [
      sample("rows", [floats(5, 3), integers(0, 5, 7)], (x, i) => weft.take(x, i)),
      sample("columns", [floats(3, 5), integers(0, 5, 4)], (x, i) => weft.take(x, i, { axis: 1 })),
      sample("indices of two axes", [floats(5, 3), integers(0, 5, 2, 3)], (x, i) => weft.take(x, i)),
      sample("an inner axis", [floats(2, 5, 3), integers(0, 5, 2, 2)], (x, i) => weft.take(x, i, { axis: 1 })),
      sample("one row again and again", [floats(5, 3), values([2, 2, 2, 2], "i32")], (x, i) => weft.take(x, i)),
      sample("a scalar index", [floats(5, 3), values([4], "i32", [])], (x, i) => weft.take(x, i)),
      sample("a number from the end", [floats(5, 3)], (x) => weft.take(x, -2)),
      sample("no indices", [floats(5, 3), integers(0, 5, 0)], (x, i) => weft.take(x, i)),
      sample("an embedding", [floats(101, 33), integers(0, 101, 4, 9)], (x, i) => weft.take(x, i), { order: 1 }),
      sample("i32", [integers(-9, 10, 5, 3), integers(0, 5, 7)], (x, i) => weft.take(x, i)),
      sample("bool", [booleans(5, 3), integers(0, 5, 7)], (x, i) => weft.take(x, i)),
      sample("u8 indices", [floats(5, 3), values([0, 4, 2], "u8")], (x, i) => weft.take(x, i)),
    ],
    indexAdd: [
      sample("rows", [floats(5, 3), integers(0, 5, 7), floats(7, 3)], (x, i, u) => weft.indexAdd(x, i, u)),
      sample("columns", [floats(3, 5), integers(0, 5, 4), floats(3, 4)], (x, i, u) =>
        weft.indexAdd(x, i, u, { axis: 1 }),
      ),
      sample("indices of two axes", [floats(5, 3), integers(0, 5, 2, 3), floats(2, 3, 3)], (x, i, u) =>
        weft.indexAdd(x, i, u),
      ),
      sample("one row again and again", [floats(5, 3), values([2, 2, 2], "i32"), floats(3, 3)], (x, i, u) =>
        weft.indexAdd(x, i, u),
      ),
      sample("no indices", [floats(5, 3), integers(0, 5, 0), floats(0, 3)], (x, i, u) => weft.indexAdd(x, i, u)),
      sample("i32", [integers(-9, 10, 5), integers(0, 5, 7), integers(-9, 10, 7)], (x, i, u) => weft.indexAdd(x, i, u)),
      sample("a number", [floats(5, 3), values([0, 4, 4], "i32")], (x, i) => weft.indexAdd(x, i, 1.5)),
    ],
    gather: [
      sample("axis 1", [floats(3, 4), integers(0, 4, 3, 2)], (x, i) => weft.gather(x, i, { axis: 1 })),
      sample("axis 0", [floats(4, 3), integers(0, 4, 6, 3)], (x, i) => weft.gather(x, i, { axis: 0 })),
      sample("fewer rows than x", [floats(5, 4), integers(0, 4, 2, 3)], (x, i) => weft.gather(x, i, { axis: 1 })),
      sample("an inner axis", [floats(2, 5, 3), integers(0, 5, 2, 4, 3)], (x, i) => weft.gather(x, i, { axis: 1 })),
      sample("no indices", [floats(3, 4), integers(0, 4, 3, 0)], (x, i) => weft.gather(x, i, { axis: 1 })),
      sample("i32", [integers(-9, 10, 3, 4), integers(0, 4, 3, 2)], (x, i) => weft.gather(x, i, { axis: 1 })),
    ],
    scatterAdd: [
      sample("axis 1", [floats(3, 4), integers(0, 4, 3, 2), floats(3, 2)], (x, i, u) =>
        weft.scatterAdd(x, i, u, { axis: 1 }),
      ),
      sample("axis 0", [floats(4, 3), integers(0, 4, 6, 3), floats(6, 3)], (x, i, u) => weft.scatterAdd(x, i, u)),
      sample("fewer rows than x", [floats(5, 4), integers(0, 4, 2, 3), floats(2, 3)], (x, i, u) =>
        weft.scatterAdd(x, i, u, { axis: 1 }),
      ),
      sample("one place again and again", [floats(4), values([2, 2, 2], "i32"), floats(3)], (x, i, u) =>
        weft.scatterAdd(x, i, u),
      ),
      sample("a number", [floats(4), values([0, 2, 2], "i32")], (x, i) => weft.scatterAdd(x, i, 1)),
      sample("i32", [integers(-9, 10, 4), integers(0, 4, 9), integers(-9, 10, 9)], (x, i, u) =>
        weft.scatterAdd(x, i, u),
      ),
      sample("no indices", [floats(4), integers(0, 4, 0), floats(0)], (x, i, u) => weft.scatterAdd(x, i, u)),
    ],
    oneHot: [
      sample("classes", [integers(0, 6, 5)], (i) => weft.oneHot(i, { depth: 6 })),
      sample("two axes", [integers(0, 3, 2, 4)], (i) => weft.oneHot(i, { depth: 3 })),
      sample("an index outside has no 1", [values([-1, 0, 3], "i32")], (i) => weft.oneHot(i, { depth: 3 })),
      sample("bool", [integers(0, 3, 4)], (i) => weft.oneHot(i, { depth: 3, dtype: "bool" })),
    ],
  },
};
