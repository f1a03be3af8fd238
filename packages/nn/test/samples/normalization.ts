// Samples of normalization: of channels, of rows, of vectors; with each option, and where there is nothing to divide by.
import { between, extremes, floats, positive, sample, values, type Collection } from "@weft/conformance";
import { state, type State } from "@weft/autograd";
import { fromHost } from "@weft/autograd/internals";
import type { Tensor } from "@weft/tensor";
import * as nn from "../../src/index.ts";

/** The value of a state, which then has none any more. */
function taken(moment: State): Tensor {
  const y = moment.value;
  moment.reset(fromHost(y.shape, y.dtype, () => new Float32Array(y.size)));
  return y;
}

const kink = { order: 0 } as const;
const training = { training: true } as const;
const noGradient = { differentiable: [] };

const channels: Collection<"batchNorm" | "groupNorm" | "instanceNorm" | "localResponseNorm"> = {
  family: "fused",
  samples: {
    batchNorm: [
      sample("training", [floats(3, 2, 2), floats(2), floats(2)], (x, w, b) => nn.batchNorm(x, w, b, { ...training, eps: 0.01 })), // oxfmt-ignore
      sample("by running moments", [floats(3, 2), floats(2), floats(2), floats(2), positive(2)], (x, w, b, runningMean, runningVar) => nn.batchNorm(x, w, b, { training: false, runningMean, runningVar })), // oxfmt-ignore
      sample("moments that move", [floats(3, 2), floats(2), positive(2)], (x, m, v) => {
        const [runningMean, runningVar] = [state(m), state(v)];
        const y = nn.batchNorm(x, null, null, { ...training, momentum: 0.25, runningMean, runningVar });
        return [y, taken(runningMean), taken(runningVar)];
      }, noGradient), // oxfmt-ignore
      sample("equal values", [values([2, 2, 2, 2], "f32", [2, 2])], (x) => nn.batchNorm(x, null, null, training), kink),
    ],
    groupNorm: [
      sample("groups", [floats(2, 4, 3), floats(4), floats(4)], (x, w, b) => nn.groupNorm(x, 2, w, b)),
      sample("eps", [floats(2, 2)], (x) => nn.groupNorm(x, 1, null, null, { eps: 0.5 })),
      sample("nothing", [floats(0, 2, 3)], (x) => nn.groupNorm(x, 2)),
    ],
    instanceNorm: [
      sample("by itself", [floats(2, 2, 3), floats(2), floats(2)], (x, w, b) => nn.instanceNorm(x, w, b, { eps: 0.01 })), // oxfmt-ignore
      sample("by running moments", [floats(2, 2, 3), floats(2), positive(2)], (x, runningMean, runningVar) => nn.instanceNorm(x, null, null, { training: false, runningMean, runningVar })), // oxfmt-ignore
      sample("moments that move", [floats(2, 2, 3), floats(2), positive(2)], (x, m, v) => {
        const [runningMean, runningVar] = [state(m), state(v)];
        const y = nn.instanceNorm(x, null, null, { ...training, momentum: 0.25, runningMean, runningVar });
        return [y, taken(runningMean), taken(runningVar)];
      }, noGradient), // oxfmt-ignore
    ],
    localResponseNorm: [
      sample("neighbors", [floats(2, 5, 2)], (x) => nn.localResponseNorm(x, 3)),
      sample("numbers", [floats(1, 4)], (x) => nn.localResponseNorm(x, 2, { alpha: 0.5, beta: 1.5, k: 2 })),
    ],
  },
};

const rows: Collection<"layerNorm" | "rmsNorm"> = {
  family: "fused",
  samples: {
    layerNorm: [
      sample("rows", [floats(3, 5), floats(5), floats(5)], (x, w, b) => nn.layerNorm(x, w, b)),
      sample("two axes", [floats(2, 2, 3)], (x) => nn.layerNorm(x, null, null, { axes: 2, eps: 0.1 })),
      sample("nothing", [floats(0, 3)], (x) => nn.layerNorm(x)),
      sample("special values", [values([NaN, 1, 1, 1, Infinity, 1], "f32", [3, 2])], (x) => nn.layerNorm(x), noGradient), // oxfmt-ignore
    ],
    rmsNorm: [
      sample("weighted rows", [floats(3, 5), floats(5)], (x, w) => nn.rmsNorm(x, w)),
      sample("two axes", [floats(2, 2, 3)], (x) => nn.rmsNorm(x, null, { axes: 2, eps: 0.1 })),
    ],
  },
};

const vectors: Collection<"normalize" | "cosineSimilarity" | "pairwiseDistance"> = {
  family: "fused",
  samples: {
    normalize: [
      sample("rows", [floats(3, 4)], (x) => nn.normalize(x)),
      sample("another norm and axis", [floats(3, 2, 2)], (x) => nn.normalize(x, { p: 3, axis: 0, eps: 0.1 })),
      sample("short vectors", [between(-0.01, 0.01, 2, 2)], (x) => nn.normalize(x, { eps: 1 })),
      sample("special values", [extremes], (x) => nn.normalize(x, { axis: 0 }), { ...noGradient, views: false }),
      sample("a scalar", [floats()], (x) => nn.normalize(x, { axis: 0 })),
    ],
    cosineSimilarity: [
      sample("rows", [floats(3, 4), floats(3, 4)], (a, b) => nn.cosineSimilarity(a, b)),
      sample("broadcast, another axis", [floats(3, 4), floats(4)], (a, b) => nn.cosineSimilarity(a, b, { axis: -1, eps: 0.01 })), // oxfmt-ignore
    ],
    pairwiseDistance: [
      sample("rows", [floats(3, 4), floats(3, 4)], (a, b) => nn.pairwiseDistance(a, b)),
      sample("another norm", [floats(3, 4), floats(4)], (a, b) => nn.pairwiseDistance(a, b, { p: 3, eps: 0.01, keepDims: true })), // oxfmt-ignore
      sample("no vectors", [floats(0, 4), floats(0, 4)], (a, b) => nn.pairwiseDistance(a, b)),
    ],
  },
};

export const normalization = [channels, rows, vectors];
