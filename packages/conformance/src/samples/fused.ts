// Samples of the fused operations: with a kernel in the backend, and through their fallbacks.
import * as weft from "@weft/tensor";
import { rmsNormOp, standardizeGrad } from "@weft/tensor/internals";
import { between, floats, integers, sample, values, type Collection } from "../sample.ts";

const rmsNorm = (x: weft.Tensor, w: weft.Tensor) => weft.applyFused(rmsNormOp, [x, w], { eps: 0.01 })[0]!;

/** The fused operations of `tensor` except gradients: the compiler lists those that have no samples here. */
type Name<K> = K extends `${string}GradOp` ? never : K extends `${infer N}Op` ? N : never;
type Fused = Exclude<Name<keyof typeof import("@weft/tensor/internals")>, "crossEntropy"> | "crossEntropyRows";

export const fused: Collection<Fused | "standardize" | "standardizeGrad"> = {
  family: "fused",
  samples: {
    softmax: [
      sample("rows", [floats(4, 7)], (x) => weft.softmax(x)),
      sample("axis 0", [floats(4, 7)], (x) => weft.softmax(x, { axis: 0 })),
      sample("an inner axis", [floats(2, 5, 3)], (x) => weft.softmax(x, { axis: 1 })),
      sample("long rows", [floats(3, 301)], (x) => weft.softmax(x), { order: 1 }),
      sample("one class", [floats(3, 1)], (x) => weft.softmax(x)),
      sample("large logits", [between(-1000, 1000, 3, 5)], (x) => weft.softmax(x), { order: 0 }),
      sample("minus infinity", [values([0, -Infinity, 1, 2, -Infinity, 3], "f32", [2, 3])], (x) => weft.softmax(x), { order: 0 }), // prettier-ignore
      sample("no rows", [floats(0, 3)], (x) => weft.softmax(x)),
      sample("a scalar", [floats()], (x) => weft.softmax(x, { axis: 0 })),
    ],
    logSoftmax: [
      sample("rows", [floats(4, 7)], (x) => weft.logSoftmax(x)),
      sample("axis 0", [floats(4, 7)], (x) => weft.logSoftmax(x, { axis: 0 })),
      sample("long rows", [floats(3, 301)], (x) => weft.logSoftmax(x), { order: 1 }),
      sample("large logits", [between(-1000, 1000, 3, 5)], (x) => weft.logSoftmax(x), { order: 0 }),
      sample("no rows", [floats(0, 3)], (x) => weft.logSoftmax(x)),
    ],
    standardizeGrad: [
      sample("rows", [floats(4, 7), floats(4, 7)], (x, g) => standardizeGrad(x, g)),
      sample("long rows", [floats(3, 301), floats(3, 301)], (x, g) => standardizeGrad(x, g), { order: 1 }),
      sample("one element", [floats(3, 1), floats(3, 1)], (x, g) => standardizeGrad(x, g, { eps: 0.1 })),
    ],
    standardize: [
      sample("rows", [floats(4, 7)], (x) => weft.standardize(x)),
      sample("rows of a cube", [floats(2, 3, 5)], (x) => weft.standardize(x, { eps: 0.1 })),
      sample("long rows", [floats(3, 301)], (x) => weft.standardize(x), { order: 1 }),
      sample("one element", [floats(3, 1)], (x) => weft.standardize(x)),
      sample("away from 0", [between(9, 11, 3, 6)], (x) => weft.standardize(x, { eps: 0.01 }), { order: 0 }),
      sample("no rows", [floats(0, 3)], (x) => weft.standardize(x)),
    ],
    rmsNorm: [
      sample("rows", [floats(4, 7), floats(7)], (x, w) => rmsNorm(x!, w!)),
      sample("rows of a cube", [floats(2, 3, 5), floats(5)], (x, w) => rmsNorm(x!, w!)),
      sample("long rows", [floats(3, 301), floats(301)], (x, w) => rmsNorm(x!, w!), { order: 1 }),
    ],
    crossEntropyRows: [
      sample("rows", [floats(6, 5), integers(0, 5, 6)], (x, y) => weft.crossEntropyRows(x, y)),
      sample("many classes", [floats(3, 301), integers(0, 301, 3)], (x, y) => weft.crossEntropyRows(x, y), {
        order: 1,
      }),
      sample("u8 labels", [floats(3, 5), values([0, 4, 2], "u8")], (x, y) => weft.crossEntropyRows(x, y)),
      sample("labels to ignore", [floats(4, 5), values([0, -1, 4, -1], "i32")], (x, y) =>
        weft.crossEntropyRows(x, y, { ignoreIndex: -1 }),
      ),
      sample("labels smoothed", [floats(4, 5), integers(0, 5, 4)], (x, y) =>
        weft.crossEntropyRows(x, y, { labelSmoothing: 0.1 }),
      ),
      sample("large logits", [between(-1000, 1000, 3, 5), integers(0, 5, 3)], (x, y) => weft.crossEntropyRows(x, y), { order: 0 }), // prettier-ignore
      sample("no rows", [floats(0, 3), integers(0, 3, 0)], (x, y) => weft.crossEntropyRows(x, y)),
    ],
  },
};
