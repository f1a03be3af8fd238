// Convolution over one to three spatial axes: x is [N, C, ...S], w is [O, C/groups, ...K]. Options are one number for
// all spatial axes, or one number per axis.
import { inNameOf } from "./context.ts";
import { apply, readTensors } from "./apply.ts";
import { text } from "./axes.ts";
import { promote } from "./dtype.ts";
import { ShapeError } from "./errors.ts";
import type { Operand } from "./interpreter.ts";
import { inDType, inFloats } from "./operands.ts";
import type { ConvAttrs } from "./ops.ts";
import { integer, numbers, readOptions } from "./options.ts";
import { pad } from "./shape/padding.ts";
import {
  autoPadding,
  each,
  padding,
  pairs,
  sides,
  spatial,
  type AutoPadding,
  type Padding,
  type PerAxis,
} from "./spatial.ts";
import type { Tensor } from "./tensor.ts";

interface WindowOptions {
  readonly stride?: PerAxis;
  /** The distance between the elements of the window. */
  readonly dilation?: PerAxis;
  /** Splits the channels into independent groups; `groups` = C is a depthwise convolution. */
  readonly groups?: number;
}

export interface ConvOptions extends WindowOptions {
  readonly padding?: AutoPadding;
}

export interface ConvTransposeOptions extends WindowOptions {
  readonly padding?: Padding;
  /** Added to one side of the result: it selects the size where a strided convolution maps several sizes to one. */
  readonly outputPadding?: PerAxis;
}

function pair(op: string, x: Operand, w: Operand): [Tensor, Tensor] {
  const [a, b] = readTensors(op, [x, w]).map(inFloats) as [Tensor, Tensor];
  const dtype = promote(a.dtype, b.dtype);
  return [inDType(a, dtype), inDType(b, dtype)];
}

const windowKinds = { stride: numbers, dilation: numbers, groups: integer };
const windowDefaults = { stride: 1, padding: 0, dilation: 1, groups: 1 };

/**
 * Cross-correlation of x with the windows w, as in PyTorch: each output is the sum of products over a window.
 * `padding: "same"` keeps the size, or divides it by the stride, rounded up; of an odd number of zeros the last is
 * after x.
 *
 * @example conv(tensor([[[1, 2, 3, 4]]]), tensor([[[1, 1]]])) // [[[3, 5, 7]]]
 */
export function conv(x: Operand, w: Operand, options?: ConvOptions): Tensor {
  const given = readOptions("conv", options, { ...windowKinds, padding: autoPadding }, windowDefaults);
  const [a, b] = pair("conv", x, w);
  const n = spatial("conv", a);
  const [stride, dilation] = [each("conv", "stride", given.stride, n), each("conv", "dilation", given.dilation, n)];
  const padding = sides("conv", given.padding, { input: a.shape.slice(2), window: b.shape.slice(2), stride, dilation });
  return apply("conv", [a, b], { stride, padding, dilation, groups: given.groups });
}

/**
 * The transpose of `conv` as a linear map (its gradient with respect to x); w is [C, O/groups, ...K], as in PyTorch.
 *
 * @example convTranspose(tensor([[[1, 2]]]), tensor([[[1, 1]]]), { stride: 2 }) // [[[1, 1, 2, 2]]]
 */
export function convTranspose(x: Operand, w: Operand, options?: ConvTransposeOptions): Tensor {
  const given = readOptions(
    "convTranspose",
    options,
    { ...windowKinds, padding, outputPadding: numbers },
    { ...windowDefaults, outputPadding: 0 },
  );
  const [a, b] = pair("convTranspose", x, w);
  const n = spatial("convTranspose", a);
  const attrs: ConvAttrs = {
    stride: each("convTranspose", "stride", given.stride, n),
    padding: pairs("convTranspose", given.padding, n),
    dilation: each("convTranspose", "dilation", given.dilation, n),
    groups: given.groups,
  };
  const extra = each("convTranspose", "outputPadding", given.outputPadding, n);
  if (b.shape.length !== n + 2 || a.shape[1] !== b.shape[0])
    throw new ShapeError(
      `convTranspose: shapes ${text(a.shape)} and ${text(b.shape)} do not fit: w is [C, O/groups, ...] with the ${a.shape[1]} channels of x`,
    );
  // What extends beyond the windows is taken from the padding; once that is used up, it is zeros.
  const beyond: number[] = [];
  const inputSize = a.shape.slice(2).map((size, i) => {
    const [stride, dilation] = [attrs.stride[i]!, attrs.dilation[i]!];
    if (!(extra[i]! >= 0 && extra[i]! < Math.max(stride, dilation)))
      throw new ShapeError(
        `convTranspose: outputPadding ${extra[i]} of spatial axis ${i} must be smaller than its stride ${stride} or dilation ${dilation}`,
      );
    const [low, high] = attrs.padding[i] ?? [0, 0];
    beyond[i] = extra[i]! < stride ? 0 : Math.max(extra[i]! - high, 0);
    const whole = (size - 1) * stride + dilation * (b.shape[i + 2]! - 1) + extra[i]! - beyond[i]! + 1;
    if (low + high > whole)
      throw new ShapeError(
        `convTranspose: padding ${text([low, high])} cuts more than the ${whole} elements of spatial axis ${i} of the result`,
      );
    return whole - low - high;
  });
  const within = attrs.padding.map(
    ([low, high], i) => [low, extra[i]! < attrs.stride[i]! ? high : Math.max(high - extra[i]!, 0)] as const,
  );
  return inNameOf("convTranspose", () => {
    const y = apply("convInputGrad", [a, b], { ...attrs, padding: within, inputSize });
    return pad(y, { pads: [[0, 0], [0, 0], ...beyond.map((n) => [0, n] as const)] });
  });
}
