// Samples of reading and writing at places, indices and masks.
import * as weft from "@weft/tensor";
import { booleans, floats, integers, sample, values, type Collection } from "../sample.ts";

type Selecting = "at" | "setAt";

export const selection: Collection<Selecting> = {
  family: "indexing",
  samples: {
    at: [
      sample("positions and ranges", [floats(3, 4, 3)], (x) => x.at(-1, { start: 3, end: 0, step: -2 }, null)),
      sample("a list and a tensor", [floats(2, 3, 4), integers(-2, 2, 2, 1)], (x, i) => x.at(i, "...", [0, -1])),
      sample("tensors beside each other", [floats(2, 3, 4), integers(-3, 3, 2), integers(0, 4, 2)], (x, i, j) =>
        x.at(":", i, j),
      ),
      sample("nothing", [booleans(3, 2)], (x) => x.at([], { start: 1 })),
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
  },
};
