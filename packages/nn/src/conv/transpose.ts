// The transposed convolution as a layer.
import type { Param } from "@weft/autograd";
import { convTranspose, readTensors, type Operand, type Tensor } from "@weft/tensor";
import {
  copyOf,
  positiveCount,
  readOptions,
  readValue,
  type OptionKinds,
  type Padding,
  type PerAxis,
} from "@weft/tensor/internals";
import { fanInUniform } from "../initializers.ts";
import { padding, perAxis, sidesPerAxis, weightKinds } from "../kinds.ts";
import { layer } from "../layer.ts";
import type { WeightOptions } from "../linear.ts";
import { parameter } from "../parameter.ts";
import { biased, checkImages, kernelOf } from "./conv.ts";

export interface ConvTransposeLayerOptions extends WeightOptions {
  /** Channels of x. */
  readonly in: number;
  /** Channels of the result. */
  readonly out: number;
  /** One size per axis; a number is a square kernel over two axes. */
  readonly kernel: PerAxis;
  readonly stride?: PerAxis;
  /** What the convolution in the other direction has as padding; it is cut off the result. */
  readonly padding?: Padding;
  /** Added to one side of the result: it selects the size where a strided convolution maps several sizes to one. */
  readonly outputPadding?: PerAxis;
  readonly dilation?: PerAxis;
  readonly groups?: number;
}

const kinds: OptionKinds<ConvTransposeLayerOptions> = {
  in: positiveCount,
  out: positiveCount,
  kernel: perAxis,
  stride: perAxis,
  padding,
  outputPadding: sidesPerAxis,
  dilation: perAxis,
  groups: positiveCount,
  ...weightKinds,
};

/** See the function `ConvTranspose`. */
export interface ConvTranspose {
  (x: Operand): Tensor;
  weight: Param;
  bias: Param | null;
}

/**
 * The transposed convolution of x `[N, in, …]` with `weight` `[in, out / groups, …kernel]`, plus `bias` `[out]`: the
 * gradient of a convolution from `out` to `in` channels. Sizes become
 * (S − 1) stride − 2 padding + dilation (kernel − 1) + outputPadding + 1. Throws a ShapeError if x does not fit. Like
 * PyTorch's `ConvTranspose1d`, `ConvTranspose2d` and `ConvTranspose3d`.
 *
 * @example
 * ConvTranspose({ in: 20, out: 1, kernel: 4, stride: 2, padding: 1 })(randn([1, 20, 8, 8])).shape; // [1, 1, 16, 16]
 */
export function ConvTranspose(options: ConvTransposeLayerOptions): ConvTranspose {
  const known = { stride: 1, padding: 0, outputPadding: 0, dilation: 1, groups: 1, bias: true };
  const read = copyOf(readOptions("ConvTranspose", options, kinds, known));
  const { in: inputs, out: outputs, stride, padding, outputPadding, dilation, groups, bias } = read;
  for (const name of ["in", "out", "kernel"] as const) readValue("ConvTranspose", name, read[name], kinds[name]);
  const size = kernelOf("ConvTranspose", read);
  // As in PyTorch, which takes the second axis of a weight for its inputs.
  const fanIn = size.reduce((n, k) => n * k, outputs / groups);
  const { init = fanInUniform(fanIn), biasInit = fanInUniform(fanIn) } = read;
  const call = (input: Operand): Tensor => {
    const boxes = self.bias === null ? [self.weight] : [self.weight, self.bias];
    const [x, weight, bias] = readTensors("ConvTranspose", [input, ...boxes]) as [Tensor, Tensor, Tensor?];
    checkImages("ConvTranspose", x, size, inputs);
    return biased(convTranspose(x, weight, { stride, padding, outputPadding, dilation, groups }), bias);
  };
  const self: ConvTranspose = layer("ConvTranspose", call, {
    weight: parameter([inputs, outputs / groups, ...size], init),
    bias: bias ? parameter([outputs], biasInit) : null,
  });
  return self;
}
