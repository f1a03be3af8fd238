// Convolution and pooling over one to three spatial axes: x is [N, C, ...S], w is [O, C/groups, ...K]. Options are one
// number for all spatial axes, or one number per axis.
import { inNameOf } from "./context.ts";
import { apply, readTensor, readTensors, source } from "./apply.ts";
import { listOf, sizeOf, text } from "./axes.ts";
import { promote } from "./dtype.ts";
import { div } from "./elementwise.ts";
import { ShapeError } from "./errors.ts";
import type { Operand } from "./interpreter.ts";
import { inDType, inFloats } from "./operands.ts";
import type { ConvAttrs, PoolAttrs, Shape } from "./ops.ts";
import { boolean, either, finite, integer, list, numbers, readOptions } from "./options.ts";
import { pad } from "./shape/padding.ts";
import type { Tensor } from "./tensor.ts";

type PerAxis = number | readonly number[];
/** Zeros on both sides of each spatial axis: one number, one number per axis, or [before, after] per axis. */
type Padding = number | readonly (number | readonly [number, number])[];

export interface ConvOptions {
  readonly stride?: PerAxis;
  readonly padding?: Padding;
  /** The distance between the elements of the window. */
  readonly dilation?: PerAxis;
  /** Splits the channels into independent groups; `groups` = C is a depthwise convolution. */
  readonly groups?: number;
}

export interface ConvTransposeOptions extends ConvOptions {
  /** Added to one side of the result: it selects the size where a strided convolution maps several sizes to one. */
  readonly outputPadding?: PerAxis;
}

export interface PoolOptions {
  readonly window: PerAxis;
  /** The window's size by default, so that windows do not overlap. */
  readonly stride?: PerAxis;
  readonly padding?: Padding;
}

interface AvgPoolOptions extends PoolOptions {
  readonly countIncludePad?: boolean;
}

const spatial = (op: string, x: Tensor): number => {
  const n = x.shape.length - 2;
  if (n < 1 || n > 3)
    throw new ShapeError(
      `${op}: shape ${text(x.shape)} does not fit: wanted [N, C, ...] with one to three spatial axes`,
    );
  return n;
};

const each = (op: string, name: string, option: unknown, n: number): readonly number[] =>
  typeof option === "number" ? Array.from({ length: n }, () => option) : listOf(op, name, option);

const sides = (op: string, padding: Padding, n: number): readonly (readonly [number, number])[] =>
  each(op, "padding", padding, n).map((p) => each(op, "padding", p, 2) as readonly [number, number]);

function pair(op: string, x: Operand, w: Operand): [Tensor, Tensor] {
  const [a, b] = readTensors(op, [x, w]).map(inFloats) as [Tensor, Tensor];
  const dtype = promote(a.dtype, b.dtype);
  return [inDType(a, dtype), inDType(b, dtype)];
}

const strided = { stride: numbers, padding: either(finite, list) };
const convOptions = { ...strided, dilation: numbers, groups: integer };
const convDefaults = { stride: 1, padding: 0, dilation: 1, groups: 1 };

function convAttrs(op: string, n: number, { stride, padding, dilation, groups }: Required<ConvOptions>): ConvAttrs {
  return {
    stride: each(op, "stride", stride, n),
    padding: sides(op, padding, n),
    dilation: each(op, "dilation", dilation, n),
    groups,
  };
}

/**
 * Cross-correlation of x with the windows w, as in PyTorch: each output is the sum of products over a window.
 *
 * @example conv(tensor([[[1, 2, 3, 4]]]), tensor([[[1, 1]]])) // [[[3, 5, 7]]]
 */
export function conv(x: Operand, w: Operand, options?: ConvOptions): Tensor {
  const given = readOptions<ConvOptions, Required<ConvOptions>>("conv", options, convOptions, convDefaults);
  const [a, b] = pair("conv", x, w);
  return apply("conv", [a, b], convAttrs("conv", spatial("conv", a), given));
}

/**
 * The transpose of `conv` as a linear map (its gradient with respect to x); w is [C, O/groups, ...K], as in PyTorch.
 *
 * @example convTranspose(tensor([[[1, 2]]]), tensor([[[1, 1]]]), { stride: 2 }) // [[[1, 1, 2, 2]]]
 */
export function convTranspose(x: Operand, w: Operand, options?: ConvTransposeOptions): Tensor {
  const given = readOptions<ConvTransposeOptions, Required<ConvTransposeOptions>>(
    "convTranspose",
    options,
    { ...convOptions, outputPadding: numbers },
    { ...convDefaults, outputPadding: 0 },
  );
  const [a, b] = pair("convTranspose", x, w);
  const n = spatial("convTranspose", a);
  const attrs = convAttrs("convTranspose", n, given);
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
    return (size - 1) * stride - low - high + dilation * (b.shape[i + 2]! - 1) + extra[i]! - beyond[i]! + 1;
  });
  const padding = attrs.padding.map(
    ([low, high], i) => [low, extra[i]! < attrs.stride[i]! ? high : Math.max(high - extra[i]!, 0)] as const,
  );
  return inNameOf("convTranspose", () => {
    const y = apply("convInputGrad", [a, b], { ...attrs, padding, inputSize });
    return pad(y, { pads: [[0, 0], [0, 0], ...beyond.map((n) => [0, n] as const)] });
  });
}

const poolOptions = { window: numbers, ...strided };

function poolAttrs(op: string, n: number, { window, stride = window, padding = 0 }: PoolOptions): PoolAttrs {
  return {
    window: each(op, "window", window, n),
    stride: each(op, "stride", stride, n),
    padding: sides(op, padding, n),
  };
}

/** The largest element of each window. @example maxPool(tensor([[[1, 3, 2, 4]]]), { window: 2 }) // [[[3, 4]]] */
export function maxPool(x: Operand, options: PoolOptions): Tensor {
  const given = readOptions<PoolOptions, object>("maxPool", options, poolOptions, {});
  const t = inFloats(readTensor(x, "maxPool"));
  return apply("maxPool", [t], poolAttrs("maxPool", spatial("maxPool", t), given));
}

/**
 * The mean of each window; padding counts as zeros, or not at all with `countIncludePad: false`.
 *
 * @example avgPool(tensor([[[1, 3, 2, 4]]]), { window: 2 }) // [[[2, 3]]]
 */
export function avgPool(x: Operand, options: AvgPoolOptions): Tensor {
  const given = readOptions<AvgPoolOptions, object>(
    "avgPool",
    options,
    { ...poolOptions, countIncludePad: boolean },
    {},
  );
  const t = inFloats(readTensor(x, "avgPool"));
  const attrs = poolAttrs("avgPool", spatial("avgPool", t), given);
  const total = apply("sumPool", [t], attrs);
  const padded = attrs.padding.some(([low, high]) => low > 0 || high > 0);
  if (padded && given.countIncludePad === false) {
    const shape: Shape = [1, 1, ...t.shape.slice(2)];
    const ones = source(t.interpreter.backend, "full", [1], { shape, dtype: t.dtype });
    return div(total, apply("sumPool", [ones], attrs));
  }
  return div(total, sizeOf(attrs.window));
}
