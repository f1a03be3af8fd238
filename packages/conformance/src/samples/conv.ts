// Samples of convolution and pooling: one to three spatial axes, and every option alone and with others.
import * as weft from "@weft/tensor";
import { shapes } from "@weft/tensor/internals";
import { apply, type Shape, type Tensor } from "@weft/tensor";
import type { ConvAttrs, ConvOps, PoolAttrs } from "@weft/tensor/internals";
import { distinct, floats, sample, values, type Collection, type Sample } from "../sample.ts";

type Pads = readonly (readonly [number, number])[];
interface Case {
  readonly name: string;
  readonly x: Shape;
  readonly w: Shape;
  readonly attrs: ConvAttrs;
}

const options = (n: number, some: Partial<ConvAttrs>): ConvAttrs => ({
  stride: some.stride ?? Array.from({ length: n }, () => 1),
  padding: some.padding ?? Array.from({ length: n }, () => [0, 0] as const),
  dilation: some.dilation ?? Array.from({ length: n }, () => 1),
  groups: some.groups ?? 1,
});
const convolution = (name: string, x: Shape, w: Shape, some: Partial<ConvAttrs> = {}): Case => ({
  name,
  x,
  w,
  attrs: options(x.length - 2, some),
});
const both = (n: number): readonly [number, number] => [n, n];

const cases: readonly Case[] = [
  convolution("images", [2, 3, 7, 6], [4, 3, 3, 3]),
  convolution("a window as large as the image", [2, 2, 5, 4], [3, 2, 5, 4]),
  convolution("windows of 1", [2, 5, 4, 3], [7, 5, 1, 1]),
  convolution("windows of 1 with stride", [2, 4, 5, 5], [3, 4, 1, 1], { stride: [2, 2] }),
  convolution("padding", [2, 4, 6, 5], [5, 4, 3, 3], { padding: [both(1), both(1)] }),
  convolution("uneven padding", [1, 2, 5, 6], [3, 2, 3, 2], { padding: [[2, 0], [0, 1]] }), // prettier-ignore
  convolution("stride", [2, 3, 9, 8], [4, 3, 3, 2], { stride: [2, 3], padding: [both(1), both(0)] }),
  convolution("a stride that leaves a rest", [1, 2, 8, 8], [2, 2, 3, 3], { stride: [2, 3] }),
  convolution("a stride beyond the window", [1, 2, 9, 9], [2, 2, 2, 2], { stride: [3, 4] }),
  convolution("dilation", [1, 3, 9, 9], [2, 3, 3, 3], { padding: [both(2), both(1)], dilation: [2, 3] }),
  convolution("groups", [2, 4, 5, 5], [6, 2, 3, 3], { padding: [both(1), both(1)], groups: 2 }),
  convolution("depthwise", [2, 4, 5, 6], [4, 1, 3, 3], { groups: 4 }),
  convolution("depthwise, two outputs a channel", [1, 3, 5, 5], [6, 1, 3, 2], { groups: 3 }),
  convolution("everything at once", [2, 4, 11, 10], [6, 2, 3, 2], { stride: [2, 1], padding: [[1, 2], [0, 1]], dilation: [2, 3], groups: 2 }), // prettier-ignore
  convolution("sequences", [3, 2, 11], [4, 2, 3], { stride: [2] }),
  convolution("sequences with dilation", [2, 3, 9], [5, 3, 4], { padding: [both(2)], dilation: [2] }),
  convolution("volumes", [1, 2, 4, 5, 4], [3, 2, 2, 3, 2], { padding: [both(1), both(1), both(1)] }),
  convolution("volumes with stride", [1, 2, 5, 4, 6], [2, 2, 3, 2, 2], { stride: [2, 1, 2], padding: [[1, 0], [0, 0], [0, 1]] }), // prettier-ignore
  convolution("as in LeNet", [3, 1, 28, 28], [6, 1, 5, 5]),
  convolution("many channels", [2, 17, 6, 7], [21, 17, 3, 3], { padding: [both(1), both(1)] }),
  convolution("no images", [0, 3, 7, 6], [4, 3, 3, 3]),
];
const large = ({ x, w }: Case): boolean => x.reduce((n, d) => n * d, 1) > 1000 || w.reduce((n, d) => n * d, 1) > 1000;
const order = (c: Case) => ({ order: large(c) ? (1 as const) : (2 as const) });

/** The shape of the result, from the shape rule. */
const result = ({ x, w, attrs }: Case): Shape =>
  shapes.conv([{ shape: x } as Tensor, { shape: w } as Tensor], attrs, "conv");

interface PoolCase {
  readonly name: string;
  readonly x: Shape;
  readonly attrs: PoolAttrs;
}
const pooling = (
  name: string,
  x: Shape,
  window: number[],
  stride: number[],
  padding: Pads = window.map(() => both(0)),
  dilation = window.map(() => 1),
): PoolCase => ({ name, x, attrs: { window, stride, padding, dilation } });
const pools: readonly PoolCase[] = [
  pooling("halves", [2, 3, 6, 6], [2, 2], [2, 2]),
  pooling("an odd size leaves a rest", [2, 2, 7, 5], [2, 2], [2, 2]),
  pooling("windows that overlap, with padding", [2, 3, 7, 7], [3, 3], [2, 2], [both(1), both(1)]),
  pooling("uneven padding", [1, 2, 5, 6], [3, 2], [1, 1], [[2, 0], [0, 1]]), // prettier-ignore
  pooling("windows and strides that differ", [1, 2, 5, 8], [2, 3], [1, 2]),
  pooling("gaps between windows", [1, 2, 8, 8], [2, 2], [3, 4]),
  pooling("sequences", [2, 3, 11], [3], [2], [both(1)]),
  pooling("volumes", [1, 2, 4, 5, 4], [2, 2, 2], [2, 1, 2]),
  pooling("dilation", [1, 2, 7, 6], [3, 2], [1, 2], [both(2), both(1)], [2, 3]),
  pooling("one window", [2, 2, 3, 3], [3, 3], [1, 1]),
  pooling("no images", [0, 3, 6, 6], [2, 2], [2, 2]),
];
const pooled = ({ x, attrs }: PoolCase): Shape => shapes.sumPool([{ shape: x } as Tensor], attrs, "sumPool");
const noGradient = { differentiable: [] };

const transposed: Sample[] = [
  sample("plain", [floats(2, 3, 4, 5), floats(3, 4, 3, 3)], (x, w) => weft.convTranspose(x, w)),
  sample("stride", [floats(1, 4, 3, 3), floats(4, 3, 3, 3)], (x, w) =>
    weft.convTranspose(x, w, { stride: 2, padding: 1, outputPadding: 1 }),
  ),
  sample("groups", [floats(2, 4, 4, 5), floats(4, 2, 3, 3)], (x, w) =>
    weft.convTranspose(x, w, { dilation: 2, groups: 2 }),
  ),
  sample("sequences", [floats(2, 3, 6), floats(3, 4, 4)], (x, w) => weft.convTranspose(x, w, { stride: 3 })),
  sample("output padding beyond the windows", [floats(2, 3, 6), floats(3, 4, 2)], (x, w) =>
    weft.convTranspose(x, w, { dilation: 2, outputPadding: 1 }),
  ),
  sample("output padding as large as the padding", [floats(2, 3, 4, 5), floats(3, 4, 2, 3)], (x, w) =>
    weft.convTranspose(x, w, { dilation: 3, stride: [1, 2], padding: [1, 2], outputPadding: [2, 2] }),
  ),
];

export const conv: Collection<keyof ConvOps | "convTranspose" | "avgPool"> = {
  family: "conv",
  samples: {
    conv: [
      ...cases.map((c) =>
        sample(c.name, [floats(...c.x), floats(...c.w)], (x, w) => apply("conv", [x, w], c.attrs), order(c)),
      ),
      sample("options as numbers", [floats(2, 4, 7, 7), floats(4, 2, 3, 3)], (x, w) =>
        weft.conv(x, w, { stride: 2, padding: 1, dilation: 2, groups: 2 }),
      ),
      sample("as much padding as keeps the size", [floats(1, 2, 6, 5), floats(3, 2, 2, 3)], (x, w) =>
        weft.conv(x, w, { padding: "same", stride: [1, 2] }),
      ),
      sample("NaN touches its windows alone", [values([1, 2, NaN, 4, 5, 6, 7], "f32", [1, 1, 7]), floats(1, 1, 2)], (x, w) => weft.conv(x, w), noGradient), // prettier-ignore
    ],
    convInputGrad: cases.map((c) =>
      sample(
        c.name,
        [floats(...result(c)), floats(...c.w)],
        (g, w) => apply("convInputGrad", [g, w], { ...c.attrs, inputSize: c.x.slice(2) }),
        order(c),
      ),
    ),
    convWeightGrad: cases.map((c) =>
      sample(
        c.name,
        [floats(...c.x), floats(...result(c))],
        (x, g) => apply("convWeightGrad", [x, g], { ...c.attrs, kernelSize: c.w.slice(2) }),
        order(c),
      ),
    ),
    maxPool: [
      ...pools.map(({ name, x, attrs }) => sample(name, [distinct(...x)], (x) => apply("maxPool", [x], attrs))),
      sample("options that add padding", [distinct(1, 2, 6, 5)], (x) =>
        weft.maxPool(x, { window: 2, stride: [2, 3], padding: "same", dilation: [2, 1], ceilMode: true }),
      ),
      sample("the first of equal elements has the gradient", [values([1, 1, 1, 2, 2, 1], "f32", [1, 1, 6])], (x) => weft.maxPool(x, { window: 3 }), { order: 0 }), // prettier-ignore
      sample("NaN and infinities", [values([1, NaN, -Infinity, -Infinity, 2, Infinity], "f32", [1, 1, 6])], (x) => weft.maxPool(x, { window: 2 }), noGradient), // prettier-ignore
      sample("padding is less than everything", [values([-5, -3, -4], "f32", [1, 1, 3])], (x) => weft.maxPool(x, { window: 3, stride: 1, padding: 1 })), // prettier-ignore
    ],
    maxPoolGrad: pools.map((c) =>
      sample(c.name, [distinct(...c.x), floats(...pooled(c))], (x, g) => apply("maxPoolGrad", [x, g], c.attrs)),
    ),
    maxPoolPick: pools.map((c) =>
      sample(c.name, [distinct(...c.x), floats(...c.x)], (x, u) => apply("maxPoolPick", [x, u], c.attrs)),
    ),
    sumPool: pools.map(({ name, x, attrs }) => sample(name, [floats(...x)], (x) => apply("sumPool", [x], attrs))),
    sumPoolGrad: pools.map((c) =>
      sample(c.name, [floats(...pooled(c))], (g) => apply("sumPoolGrad", [g], { ...c.attrs, inputSize: c.x.slice(2) })),
    ),
    convTranspose: transposed,
    avgPool: [
      ...pools
        .filter(({ attrs }) => attrs.dilation.every((n) => n === 1))
        .flatMap(({ name, x, attrs: { window, stride, padding } }) =>
          [true, false].map((countIncludePad) =>
            sample(`${name}, ${countIncludePad}`, [floats(...x)], (x) =>
              weft.avgPool(x, { window, stride, padding, countIncludePad }),
            ),
          ),
        ),
      sample("a last window that reaches beyond", [floats(1, 2, 5, 6)], (x) =>
        weft.avgPool(x, { window: [2, 3], stride: 2, padding: [0, 1], ceilMode: true }),
      ),
      sample("a divisor", [floats(1, 1, 4, 4)], (x) => weft.avgPool(x, { window: 2, divisor: -3 })),
    ],
  },
};
