// Samples of functions composed of pooling.
import * as weft from "@weft/tensor";
import { distinct, positive, sample, values, type Collection } from "../sample.ts";

export const pooling: Collection<"maxPoolWithIndices" | "lpPool"> = {
  family: "conv",
  samples: {
    maxPoolWithIndices: [
      sample("planes", [distinct(2, 2, 5, 4)], (x) => Object.values(weft.maxPoolWithIndices(x, { window: 3, stride: 2, padding: 1 }))), // prettier-ignore
      sample("NaN and equals", [values([1, 1, NaN, 0, NaN, 2], "f32", [1, 1, 6])], (x) => weft.maxPoolWithIndices(x, { window: 2 }).indices, { order: 0, views: false }), // prettier-ignore
    ],
    lpPool: [
      sample("cubes", [positive(1, 2, 5)], (x) => weft.lpPool(x, 3, { window: 2, ceilMode: true })),
      sample("zeros have no gradient", [values([0, 0, 3, 4], "f32", [1, 1, 4])], (x) => weft.lpPool(x, 2, { window: 2 }), { order: 0, views: false }), // prettier-ignore
    ],
  },
};
