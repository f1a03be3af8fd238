// Samples of functions composed of pooling.
import * as weft from "@weft/tensor";
import { distinct, floats, integers, positive, sample, values, type Collection } from "../sample.ts";

export const pooling: Collection<
  | "maxPoolWithIndices"
  | "maxUnpool"
  | "lpPool"
  | "adaptiveAvgPool"
  | "adaptiveMaxPool"
  | "adaptiveMaxPoolWithIndices"
  | "globalAvgPool"
  | "globalMaxPool"
> = {
  family: "conv",
  samples: {
    maxPoolWithIndices: [
      sample("planes", [distinct(2, 2, 5, 4)], (x) => Object.values(weft.maxPoolWithIndices(x, { window: 3, stride: 2, padding: 1 }))), // prettier-ignore
      sample("parts of windows, with gaps", [distinct(1, 2, 8)], (x) => Object.values(weft.maxPoolWithIndices(x, { window: 2, stride: 3, dilation: 2, ceilMode: true }))), // prettier-ignore
      sample("integers that floats round", [integers(-(2 ** 31), 2 ** 31, 1, 2, 5, 4)], (x) => Object.values(weft.maxPoolWithIndices(x, { window: [3, 2], stride: [2, 1], padding: 1, dilation: [1, 2], ceilMode: true }))), // prettier-ignore
      sample("equal integers", [integers(0, 2, 1, 1, 5, 6)], (x) => Object.values(weft.maxPoolWithIndices(x, { window: 3, stride: 1, padding: 1 }))), // prettier-ignore
      sample("NaN and equals", [values([1, 1, NaN, 0, NaN, 2], "f32", [1, 1, 6])], (x) => weft.maxPoolWithIndices(x, { window: 2 }).indices, { order: 0, views: false }), // prettier-ignore
    ],
    maxUnpool: [
      sample("of maxima with padding", [distinct(1, 1, 4)], (x) => {
        const { values, indices } = weft.maxPoolWithIndices(x, { window: 2, stride: 2, padding: 1 });
        return weft.maxUnpool(values, indices, { window: 2, stride: 2, padding: 1 });
      }),
      sample("of maxima", [distinct(1, 2, 5, 4)], (x) => {
        const { values, indices } = weft.maxPoolWithIndices(x, { window: 2, stride: [2, 2] });
        return weft.maxUnpool(values, indices, { window: 2, size: [5, 4] });
      }),
      sample("of integers", [integers(-(2 ** 31), 2 ** 31, 1, 1, 4)], (x) => {
        const { values, indices } = weft.maxPoolWithIndices(x, { window: 2 });
        return weft.maxUnpool(values, indices, { window: 2 });
      }),
      sample("the last of equal indices", [floats(1, 1, 3), values([1, 0, 1], "i32", [1, 1, 3])], (x, i) =>
        weft.maxUnpool(x, i, { window: 2, stride: 1 }),
      ),
    ],
    lpPool: [
      sample("no images", [floats(0, 1, 4)], (x) => weft.lpPool(x, 2, { window: 2, padding: "valid" })),
      sample("cubes", [positive(1, 2, 5)], (x) => weft.lpPool(x, 3, { window: 2, padding: 1, ceilMode: true })),
      sample("zeros have no gradient", [values([0, 0, 3, 4], "f32", [1, 1, 4])], (x) => weft.lpPool(x, 2, { window: 2 }), { order: 0, views: false }), // prettier-ignore
    ],
    adaptiveAvgPool: [
      sample("parts of equal and of other sizes", [floats(1, 2, 4, 5)], (x) => weft.adaptiveAvgPool(x, [2, 3])),
      sample("more parts than elements, and an axis that stays", [floats(1, 1, 2, 3)], (x) => weft.adaptiveAvgPool(x, [5, null])), // prettier-ignore
      sample("infinities stay in their windows", [values([Infinity, 1, 2, 3, NaN], "f32", [1, 1, 5])], (x) => weft.adaptiveAvgPool(x, 3), { order: 0, views: false }), // prettier-ignore
    ],
    adaptiveMaxPool: [
      sample("parts of other sizes", [distinct(1, 2, 4, 5)], (x) => weft.adaptiveMaxPool(x, [2, 3])),
      sample("one part", [distinct(2, 2, 3, 2)], (x) => weft.adaptiveMaxPool(x, 1)),
    ],
    adaptiveMaxPoolWithIndices: [
      sample("parts of other sizes", [distinct(2, 1, 7)], (x) => Object.values(weft.adaptiveMaxPoolWithIndices(x, 3))),
    ],
    globalAvgPool: [
      sample("images", [floats(2, 2, 3, 2)], (x) => weft.globalAvgPool(x)),
      sample("no images", [floats(0, 2, 3)], (x) => [weft.globalAvgPool(x), weft.adaptiveAvgPool(x, 2)]),
    ],
    globalMaxPool: [sample("sequences", [distinct(2, 2, 5)], (x) => weft.globalMaxPool(x))],
  },
};
