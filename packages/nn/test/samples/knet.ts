// Samples of Knet's functions, with each option.
import { distinct, floats, grid, sample, values, type Collection } from "@weft/conformance";
import * as nn from "../../src/index.ts";

type Names = "bmm" | "conv4" | "deconv4" | "logistic" | "logp" | "mat" | "pool" | "sigm" | "unpool";

export const knet: Collection<Names> = {
  family: "fused",
  samples: {
    bmm: [
      sample("matrices", [floats(2, 2, 3), floats(2, 3, 2)], (a, b) => nn.bmm(a, b)),
      sample("transposed", [floats(2, 3, 2), floats(2, 4, 3)], (a, b) => nn.bmm(a, b, { transA: true, transB: true })),
    ],
    conv4: [
      sample("images", [floats(2, 1, 2, 2), floats(1, 1, 3, 4)], (w, x) => nn.conv4(w, x)),
      sample("options", [floats(2, 1, 2), floats(1, 2, 5)], (w, x) => nn.conv4(w, x, { mode: 1, alpha: 2, stride: 2, padding: 1, dilation: 2, group: 2 })), // oxfmt-ignore
    ],
    deconv4: [
      sample("images", [floats(1, 2, 2, 2), floats(1, 1, 2, 3)], (w, x) => nn.deconv4(w, x)),
      sample("options", [floats(2, 1, 3), floats(1, 2, 3)], (w, x) => nn.deconv4(w, x, { mode: 1, alpha: 0.5, stride: 2, padding: 1, dilation: 2, group: 2, outputPadding: 1 })), // oxfmt-ignore
    ],
    logistic: [
      sample("scores", [floats(3, 2), values([1, -1, -1, 1, 1, -1], "f32", [3, 2])], (x, y) => nn.logistic(x, y, { reduction: "sum" }), { differentiable: [0] }), // oxfmt-ignore
    ],
    logp: [
      sample("all of it", [floats(2, 3)], (x) => nn.logp(x)),
      sample("an axis", [floats(2, 3)], (x) => nn.logp(x, { axis: 0 })),
    ],
    mat: [
      sample("rows", [floats(2, 3, 2)], (x) => [nn.mat(x), nn.mat(x, { dims: 1 })]),
      sample("nothing", [floats(0, 3)], (x) => nn.mat(x)),
    ],
    pool: [
      sample("maxima", [distinct(1, 2, 4, 5)], (x) => nn.pool(x)),
      sample("means", [floats(1, 2, 5)], (x) => nn.pool(x, { window: 3, stride: 2, padding: 1, mode: 2, alpha: 3 })),
      sample("NaN is less", [values([NaN, 1, NaN, NaN], "f32", [1, 1, 4])], (x) => nn.pool(x, { maxpoolingNanOpt: 0 }), { differentiable: [], views: false }), // oxfmt-ignore
    ],
    sigm: [sample("matrices", [grid(3, 4)], (x) => nn.sigm(x))],
    unpool: [
      sample("images", [floats(1, 1, 2, 3)], (x) => nn.unpool(x)),
      sample("options", [floats(1, 2, 3)], (x) => nn.unpool(x, { window: 3, stride: 2, padding: 1, mode: 1, alpha: 2, maxpoolingNanOpt: 0 })), // oxfmt-ignore
    ],
  },
};
