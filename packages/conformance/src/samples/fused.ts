// Samples of the fused operations: with a kernel in the backend, and through their fallbacks.
import * as weft from "@weft/tensor";
import {
  gruSequence,
  gruSequenceGrad,
  lstmSequence,
  lstmSequenceGrad,
  rmsNormOp,
  standardizeGrad,
} from "@weft/tensor/internals";
import { between, floats, integers, sample, values, type Collection } from "../sample.ts";

const rmsNorm = (x: weft.Tensor, w: weft.Tensor) => weft.applyFused(rmsNormOp, [x, w], { eps: 0.01 })[0]!;

/** T steps of B rows by H units. */
type Sequence = readonly [steps: number, batch: number, units: number];

/** How a sequence is run; lengths, if there are some, are the last operand. */
interface Course extends NonNullable<Parameters<typeof sample>[3]> {
  readonly reverse?: boolean;
  readonly lengths?: readonly number[];
}
const lengthsIn = (lengths: readonly number[] | undefined) => (lengths === undefined ? [] : [values(lengths, "i32")]);

/** Values only: sizes larger than one piece of a kernel. */
const large = { differentiable: [], views: false } as const;

const lstmSteps = (name: string, [T, B, H]: Sequence, { reverse = false, lengths: counts, ...more }: Course = {}) =>
  sample(
    name,
    [floats(T, B, 4 * H), floats(B, H), floats(B, H), between(-1, 1, 4 * H, H), ...lengthsIn(counts)],
    (given, h, c, whh, lengths) => {
      const { gates, cells, hiddens } = lstmSequence(given!, h!, c!, whh!, { lengths, reverse });
      return [gates, cells, hiddens];
    },
    more,
  );

const lstmStepsBack = (name: string, [T, B, H]: Sequence, { reverse = false, lengths: counts, ...more }: Course = {}) =>
  sample(
    name,
    [
      between(-0.9, 0.9, 4, T, B, H),
      floats(T, B, H),
      floats(B, H),
      between(-1, 1, 4 * H, H),
      floats(T, B, H),
      floats(B, H),
      ...lengthsIn(counts),
    ],
    (gates, cells, c, whh, gy, gc, lengths) => {
      const { given, c: cell, h } = lstmSequenceGrad(gates!, cells!, c!, whh!, gy!, gc!, { lengths, reverse });
      return [given, cell, ...(h === undefined ? [] : [h])];
    },
    more,
  );

const gruSteps = (name: string, [T, B, H]: Sequence, { reverse = false, lengths: counts, ...more }: Course = {}) =>
  sample(
    name,
    [floats(T, B, 3 * H), floats(B, H), between(-1, 1, 3 * H, H), floats(3 * H), ...lengthsIn(counts)],
    (given, h, whh, bhh, lengths) => {
      const { gates, hiddens } = gruSequence(given!, h!, whh!, bhh!, { lengths, reverse });
      return [gates, hiddens];
    },
    more,
  );

const gruStepsBack = (name: string, [T, B, H]: Sequence, { reverse = false, lengths: counts, ...more }: Course = {}) =>
  sample(
    name,
    [
      between(-0.9, 0.9, 4, T, B, H),
      floats(T, B, H),
      floats(B, H),
      between(-1, 1, 3 * H, H),
      floats(T, B, H),
      ...lengthsIn(counts),
    ],
    (gates, hiddens, h, whh, gy, lengths) => {
      const { given, recurrent, h: first } = gruSequenceGrad(gates!, hiddens!, h!, whh!, gy!, { lengths, reverse });
      return [given, recurrent, first];
    },
    more,
  );

/** The fused operations of `tensor` except gradients: the compiler lists those that have no samples here. */
type Name<K> = K extends `${string}GradOp` ? never : K extends `${infer N}Op` ? N : never;
type Fused = Exclude<Name<keyof typeof import("@weft/tensor/internals")>, "crossEntropy"> | "crossEntropyRows";

export const fused: Collection<Fused | "standardize" | "standardizeGrad" | "lstmSequenceGrad" | "gruSequenceGrad"> = {
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
    lstmSequence: [
      lstmSteps("one step", [1, 2, 3]),
      lstmSteps("one unit", [2, 3, 1]),
      lstmSteps("units in fours", [3, 2, 4]),
      lstmSteps("in reverse", [3, 2, 3], { reverse: true }),
      lstmSteps("rows of different lengths", [3, 4, 2], { lengths: [3, 0, 1, 2] }),
      lstmSteps("lengths below 0 and beyond the steps", [3, 3, 2], { lengths: [-1, 4, 2], reverse: true }),
      lstmSteps("rows of different lengths, in reverse", [3, 4, 2], { lengths: [2, 3, 0, 1], reverse: true }),
      lstmSteps("more than one piece, odd", [3, 11, 9], large),
      lstmSteps("more than one piece, in fours", [3, 19, 20], large),
      lstmSteps("more than one piece, in reverse", [3, 11, 9], { ...large, reverse: true }),
      lstmSteps("more than one piece, of different lengths", [3, 11, 9], {
        ...large,
        lengths: [3, 2, 1, 0, 3, 2, 1, 0, 3, 2, 1],
      }),
      sample(
        "saturated, infinite, NaN",
        [values([90, -90, 0, 0, Infinity, 0, -Infinity, NaN, 200, -200, 1, 1, -50, 50, 0, 9], "f32", [1, 4, 4]), values([0, 0, 0, 0], "f32", [4, 1]), values([2, 3, 4, -1], "f32", [4, 1]), values([0, 0, 0, 0], "f32", [4, 1])], // prettier-ignore
        (given, h, c, whh) => lstmSequence(given!, h!, c!, whh!).hiddens,
        large,
      ),
      sample("no rows", [floats(2, 0, 8), floats(0, 2), floats(0, 2), floats(8, 2)], (given, h, c, whh) => lstmSequence(given!, h!, c!, whh!).hiddens), // prettier-ignore
    ],
    lstmSequenceGrad: [
      lstmStepsBack("one step", [1, 2, 3]),
      lstmStepsBack("one unit", [2, 3, 1]),
      lstmStepsBack("units in fours", [3, 2, 4]),
      lstmStepsBack("in reverse", [3, 2, 3], { reverse: true }),
      lstmStepsBack("rows of different lengths", [3, 4, 2], { lengths: [3, 0, 1, 2] }),
      lstmStepsBack("rows of different lengths, in reverse", [3, 4, 2], { lengths: [2, 3, 0, 1], reverse: true }),
      lstmStepsBack("more than one piece, odd", [3, 11, 9], large),
      lstmStepsBack("more than one piece, in fours", [3, 19, 20], large),
      lstmStepsBack("more than one piece, in reverse", [3, 11, 9], { ...large, reverse: true }),
      lstmStepsBack("more than one piece, of different lengths", [3, 11, 9], {
        ...large,
        lengths: [3, 2, 1, 0, 3, 2, 1, 0, 3, 2, 1],
      }),
    ],
    gruSequence: [
      gruSteps("one step", [1, 2, 3]),
      gruSteps("one unit", [2, 3, 1]),
      gruSteps("units in fours", [3, 2, 4]),
      gruSteps("in reverse", [3, 2, 3], { reverse: true }),
      gruSteps("rows of different lengths", [3, 4, 2], { lengths: [3, 0, 1, 2] }),
      gruSteps("rows of different lengths, in reverse", [3, 4, 2], { lengths: [2, 3, 0, 1], reverse: true }),
      gruSteps("more than one piece, odd", [3, 11, 9], large),
      gruSteps("more than one piece, in fours", [3, 19, 20], large),
      gruSteps("more than one piece, in reverse", [3, 11, 9], { ...large, reverse: true }),
      gruSteps("more than one piece, of different lengths", [3, 11, 9], {
        ...large,
        lengths: [3, 2, 1, 0, 3, 2, 1, 0, 3, 2, 1],
      }),
      sample(
        "saturated, infinite, NaN",
        [values([90, -90, 0, Infinity, 0, -Infinity, NaN, 200, -200, -50, 50, 9], "f32", [1, 4, 3]), values([1, 2, 3, -4], "f32", [4, 1]), values([0, 0, 0], "f32", [3, 1]), values([0, 1, -2], "f32")], // prettier-ignore
        (given, h, whh, bhh) => gruSequence(given!, h!, whh!, bhh!).hiddens,
        large,
      ),
      sample("no rows", [floats(2, 0, 6), floats(0, 2), floats(6, 2), floats(6)], (given, h, whh, bhh) => gruSequence(given!, h!, whh!, bhh!).hiddens), // prettier-ignore
    ],
    gruSequenceGrad: [
      gruStepsBack("one step", [1, 2, 3]),
      gruStepsBack("one unit", [2, 3, 1]),
      gruStepsBack("units in fours", [3, 2, 4]),
      gruStepsBack("in reverse", [3, 2, 3], { reverse: true }),
      gruStepsBack("rows of different lengths", [3, 4, 2], { lengths: [3, 0, 1, 2] }),
      gruStepsBack("rows of different lengths, in reverse", [3, 4, 2], { lengths: [2, 3, 0, 1], reverse: true }),
      gruStepsBack("more than one piece, odd", [3, 11, 9], large),
      gruStepsBack("more than one piece, in fours", [3, 19, 20], large),
      gruStepsBack("more than one piece, in reverse", [3, 11, 9], { ...large, reverse: true }),
      gruStepsBack("more than one piece, of different lengths", [3, 11, 9], {
        ...large,
        lengths: [3, 2, 1, 0, 3, 2, 1, 0, 3, 2, 1],
      }),
    ],
  },
};
