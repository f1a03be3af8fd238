// Convolution as a layer. The kernel's shape sets the number of spatial axes.
import type { Param } from "@weft/autograd";
import {
  add,
  ArgumentError,
  conv,
  pad,
  readTensors,
  reshape,
  ShapeError,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import {
  copyOf,
  each,
  oneOf,
  positiveCount,
  readOptions,
  readValue,
  sides,
  text,
  type OptionKinds,
  type AutoPadding,
  type PerAxis,
} from "@weft/tensor/internals";
import { fanInUniform } from "../initializers.ts";
import { autoPadding, perAxis, weightKinds } from "../kinds.ts";
import { layer } from "../layer.ts";
import type { WeightOptions } from "../linear.ts";
import { parameter } from "../parameter.ts";

export interface ConvLayerOptions extends WeightOptions {
  /** Channels of x. */
  readonly in: number;
  /** Channels of the result. */
  readonly out: number;
  /** One size per axis; a number is a square kernel over two axes. */
  readonly kernel: PerAxis;
  readonly stride?: PerAxis;
  /** What lies on both sides of each axis, or [before, after] per axis; `"same"` keeps the size. */
  readonly padding?: AutoPadding;
  /** What the padding is: zeros (the default), mirrored elements, the nearest one, or those from the other end. */
  readonly paddingMode?: "zeros" | "reflect" | "replicate" | "circular";
  readonly dilation?: PerAxis;
  readonly groups?: number;
}

const kinds: OptionKinds<ConvLayerOptions> = {
  in: positiveCount,
  out: positiveCount,
  kernel: perAxis,
  stride: perAxis,
  padding: autoPadding,
  paddingMode: oneOf("zeros", "reflect", "replicate", "circular"),
  dilation: perAxis,
  groups: positiveCount,
  ...weightKinds,
};

/** See the function `Conv`. */
export interface Conv {
  (x: Operand): Tensor;
  weight: Param;
  bias: Param | null;
}

/** The sizes of a kernel, one per axis. Refuses other numbers of axes, and groups that do not divide the channels. */
export function kernelOf(
  op: string,
  { kernel, groups = 1, in: inputs, out: outputs }: Pick<ConvLayerOptions, "kernel" | "groups" | "in" | "out">,
): readonly number[] {
  const size = typeof kernel === "number" ? [kernel, kernel] : kernel;
  if (size.length < 1 || size.length > 3)
    throw new ArgumentError(`${op}: wanted a kernel with 1 to 3 axes, got ${text(size)}`);
  if (inputs % groups !== 0 || outputs % groups !== 0)
    throw new ArgumentError(`${op}: groups must divide in and out; ${groups} does not divide ${inputs} and ${outputs}`);
  return size;
}

/** Refuses an x that does not have these channels and as many spatial axes as the kernel. */
export function checkImages(op: string, x: Tensor, size: readonly number[], channels: number): void {
  if (x.shape.length !== size.length + 2 || x.shape[1] !== channels)
    throw new ShapeError(
      `${op}: a kernel of ${text(size)} over ${channels} channels wants x of shape ` +
        `[N, ${channels}${", …".repeat(size.length)}], got ${text(x.shape)}` +
        (x.shape.length === size.length + 2 ? "" : "; a kernel has a number for each axis behind N and channels"),
    );
}

/** y plus a bias for each channel, if there is one. */
export const biased = (y: Tensor, bias: Tensor | undefined): Tensor =>
  bias === undefined ? y : add(y, reshape(bias, [1, bias.size, ...y.shape.slice(2).map(() => 1)]));

/**
 * Cross-correlation of x `[N, in, …]` with `weight` `[out, in / groups, …kernel]`, plus `bias` `[out]`.
 * One to three spatial axes. Throws a ShapeError if x does not fit. Like PyTorch's `Conv1d`, `Conv2d` and `Conv3d`.
 *
 * @example
 * const model = Chain(Conv({ in: 1, out: 20, kernel: 5 }), relu, MaxPool(2));
 */
export function Conv(options: ConvLayerOptions): Conv {
  const known = { stride: 1, padding: 0, paddingMode: "zeros", dilation: 1, groups: 1, bias: true } as const;
  const read = copyOf(readOptions("Conv", options, kinds, known));
  const { in: inputs, out: outputs, stride, padding, paddingMode, dilation, groups, bias } = read;
  for (const name of ["in", "out", "kernel"] as const) readValue("Conv", name, read[name], kinds[name]);
  const size = kernelOf("Conv", read);
  const fanIn = size.reduce((n, k) => n * k, inputs / groups);
  const { init = fanInUniform(fanIn), biasInit = fanInUniform(fanIn) } = read;
  const convolve = (x: Tensor, weight: Tensor): Tensor => {
    if (paddingMode === "zeros") return conv(x, weight, { stride, padding, dilation, groups });
    const n = size.length;
    const [steps, distances] = [each("Conv", "stride", stride, n), each("Conv", "dilation", dilation, n)];
    const windows = { input: x.shape.slice(2), window: size, stride: steps, dilation: distances };
    const padded = pad(x, { pads: [[0, 0], [0, 0], ...sides("Conv", padding, windows)], mode: paddingMode });
    return conv(padded, weight, { stride, dilation, groups });
  };
  const call = (input: Operand): Tensor => {
    const [x, weight, bias] = readTensors("Conv", [input, self.weight, ...(self.bias === null ? [] : [self.bias])]);
    checkImages("Conv", x, size, inputs);
    return biased(convolve(x, weight), bias);
  };
  const self: Conv = layer("Conv", call, {
    weight: parameter([outputs, inputs / groups, ...size], init),
    bias: bias ? parameter([outputs], biasInit) : null,
  });
  return self;
}
