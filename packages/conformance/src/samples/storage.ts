// Samples of floats that are stored and moved, and computed with in f32.
import * as weft from "@weft/tensor";
import { between, integers, sample, values, type Collection, type Input } from "../sample.ts";

const halves: Input = values([0, -0, 1, -1.5, 65504, 6e-8, NaN, Infinity, -Infinity, 0.1, 1 / 3, 1000], "f16", [3, 4]);

export const storage: Collection<"f16"> = {
  family: "movement",
  samples: {
    f16: [
      sample("to f32", [halves], (x) => weft.cast(x, "f32")),
      sample("from f32, to the nearest", [between(-10, 10, 37)], (x) => weft.cast(x, "f16"), { differentiable: [] }),
      sample(
        "from f32, at the ends",
        [values([65504, 65519, 65520, 1e9, 1e-9, 5.9e-8, NaN])],
        (x) => weft.cast(x, "f16"),
        {
          differentiable: [],
        },
      ),
      sample("meets f32", [halves, between(-2, 2, 4)], (x, y) => weft.maximum(x, y), { differentiable: [] }),
      sample("rows", [halves, integers(0, 3, 5)], (x, i) => weft.take(x, i)),
      sample("transposed", [halves], (x) => weft.transpose(x)),
    ],
  },
};
