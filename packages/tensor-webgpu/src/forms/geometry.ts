// The sizes of a pooling or a convolution, whichever of its three values is the result, and how indices of pixels and
// taps are split into positions along the axes in WGSL. Sizes are written into the text, so that divisions are by
// constants.
import type { CallLaunch, CallOperand } from "@weft/kernel";
import type { Shape } from "@weft/tensor";
import type { ConvAttrs } from "@weft/tensor/internals";

export type Convolution = "conv" | "convInputGrad" | "convWeightGrad";

/** Three spatial axes; missing leading ones have size 1. */
export type Axes = readonly [number, number, number];

/** Windows that move over planes: sizes of input, window and output, stride, dilation and leading padding per axis. */
export interface Windows {
  readonly x: Axes;
  readonly k: Axes;
  readonly y: Axes;
  readonly stride: Axes;
  readonly dilation: Axes;
  readonly low: Axes;
}

/** The windows of a convolution, with its channels. */
export interface Geometry extends Windows {
  readonly images: number;
  readonly groups: number;
  /** Channels and outputs of one group. */
  readonly channels: number;
  readonly outputs: number;
}

const three = (list: readonly number[], fill: number): Axes => [list.at(-3) ?? fill, list.at(-2) ?? fill, list.at(-1)!];

/** Windows of these sizes over these images. */
export const windowsOf = (
  x: Shape,
  k: readonly number[],
  y: Shape,
  { stride, padding, dilation }: Pick<ConvAttrs, "stride" | "padding" | "dilation">,
): Windows => ({
  x: three(x.slice(2), 1),
  k: three(k, 1),
  y: three(y.slice(2), 1),
  stride: three(stride, 1),
  dilation: three(dilation, 1),
  low: three(
    padding.map((p) => p[0]),
    0,
  ),
});

/** Which operands are the images, the weights and the outputs. */
const roles: Record<
  Convolution,
  (out: CallOperand, a: CallOperand, b: CallOperand) => readonly [x: CallOperand, w: CallOperand, y: CallOperand]
> = {
  conv: (out, x, w) => [x, w, out],
  convInputGrad: (out, g, w) => [out, w, g],
  convWeightGrad: (out, x, g) => [x, out, g],
};

export function geometryOf(op: Convolution, { attrs, outs: [out], inputs }: CallLaunch<ConvAttrs>): Geometry {
  const [x, w, y] = roles[op](out, inputs[0]!, inputs[1]!);
  const { groups } = attrs;
  return {
    ...windowsOf(x.shape, w.shape.slice(2), y.shape, attrs),
    images: x.shape[0]!,
    groups,
    channels: w.shape[1]!,
    outputs: w.shape[0]! / groups,
  };
}

/** What distinguishes the text for one geometry from that for another. */
export const geometryName = ({ x, k, y, stride, dilation, low, groups, channels, outputs }: Geometry): string =>
  JSON.stringify([x, k, y, stride, dilation, low, groups, channels, outputs]);

export const volume = (a: Axes): number => a[0] * a[1] * a[2];

export const names = ["Z", "Y", "X"] as const;

/** Axes that are there. */
export const active = (g: Geometry): number[] =>
  [0, 1, 2].filter((a) => g.x[a]! > 1 || g.k[a]! > 1 || g.y[a]! > 1 || g.low[a]! > 0);

/** Statements that split `index` into positions `${prefix}Z…X` along axes of these sizes, and the rest, `${prefix}`. */
export function cut(index: string, prefix: string, sizes: Axes, axes: readonly number[]): string {
  const lines: string[] = [`let ${prefix}r = ${index};`];
  let rest = `${prefix}r`;
  for (const a of axes.toReversed()) {
    lines.push(
      `let ${prefix}${names[a]} = ${rest} % ${sizes[a]}u;`,
      `let ${prefix}${names[a]}r = ${rest} / ${sizes[a]}u;`,
    );
    rest = `${prefix}${names[a]}r`;
  }
  return `${lines.join(" ")} let ${prefix} = ${rest};`;
}

/** The linear place of three coordinates in a plane. */
export const linear = (sizes: Axes, axes: readonly number[], at: (name: string, axis: number) => string): string =>
  axes.reduce((text, a) => (text === "" ? at(names[a]!, a) : `(${text}) * ${sizes[a]}u + ${at(names[a]!, a)}`), "") ||
  "0u";
