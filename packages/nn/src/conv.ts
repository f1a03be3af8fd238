// Convolution and pooling as layers. The kernel's shape sets the number of spatial axes.
import type { Param } from "@weft/autograd";
import {
  add,
  ArgumentError,
  avgPool,
  conv,
  maxPool,
  readTensors,
  reshape,
  ShapeError,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import { boolean, copyOf, positiveCount, readOptions, readValue, type OptionKinds } from "@weft/tensor/internals";
import { fanInUniform } from "./initializers.ts";
import { padding, perAxis, weightKinds, type Padding, type PerAxis } from "./kinds.ts";
import { layer } from "./layer.ts";
import type { WeightOptions } from "./linear.ts";
import { parameter } from "./parameter.ts";

export interface ConvLayerOptions extends WeightOptions {
  /** Channels of x. */
  readonly in: number;
  /** Channels of the result. */
  readonly out: number;
  /** One size per axis; a number is a square kernel over two axes. */
  readonly kernel: PerAxis;
  readonly stride?: PerAxis;
  /** Zeros on both sides of each axis, or [before, after] per axis. */
  readonly padding?: Padding;
  readonly dilation?: PerAxis;
  readonly groups?: number;
}

const convKinds: OptionKinds<ConvLayerOptions> = {
  in: positiveCount,
  out: positiveCount,
  kernel: perAxis,
  stride: perAxis,
  padding,
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

/**
 * Cross-correlation of x `[N, in, …]` with `weight` `[out, in / groups, …kernel]`, plus `bias` `[out]`.
 * One to three spatial axes. Throws a ShapeError if x does not fit. Like PyTorch's `Conv1d`, `Conv2d` and `Conv3d`.
 *
 * @example
 * const model = Chain(Conv({ in: 1, out: 20, kernel: 5 }), relu, MaxPool(2));
 */
export function Conv(options: ConvLayerOptions): Conv {
  const known = { stride: 1, padding: 0, dilation: 1, groups: 1, bias: true };
  const read = copyOf(readOptions("Conv", options, convKinds, known));
  const { in: inputs, out: outputs, kernel, stride, padding, dilation, groups, bias } = read;
  for (const name of ["in", "out", "kernel"] as const) readValue("Conv", name, read[name], convKinds[name]);
  const size = typeof kernel === "number" ? [kernel, kernel] : kernel;
  if (size.length < 1 || size.length > 3)
    throw new ArgumentError(`Conv: wanted a kernel with 1 to 3 axes, got [${size.join(", ")}]`);
  if (inputs % groups !== 0 || outputs % groups !== 0)
    throw new ArgumentError(`Conv: groups must divide in and out; ${groups} does not divide ${inputs} and ${outputs}`);
  const fanIn = size.reduce((n, k) => n * k, inputs / groups);
  const { init = fanInUniform(fanIn), biasInit = fanInUniform(fanIn) } = read;
  const perChannel = [1, outputs, ...size.map(() => 1)];
  const call = (input: Operand): Tensor => {
    const [x, weight, bias] = readTensors("Conv", [input, self.weight, ...(self.bias === null ? [] : [self.bias])]);
    if (x.shape.length !== size.length + 2 || x.shape[1] !== inputs)
      throw new ShapeError(
        `Conv: a kernel of [${size.join(", ")}] over ${inputs} channels wants x of shape ` +
          `[N, ${inputs}${", …".repeat(size.length)}], got [${x.shape.join(", ")}]`,
      );
    const y = conv(x, weight, { stride, padding, dilation, groups });
    return bias === undefined ? y : add(y, reshape(bias, perChannel));
  };
  const self: Conv = layer("Conv", call, {
    weight: parameter([outputs, inputs / groups, ...size], init),
    bias: bias ? parameter([outputs], biasInit) : null,
  });
  return self;
}

export interface PoolLayerOptions {
  readonly window: PerAxis;
  /** Default: the window's size. */
  readonly stride?: PerAxis;
  readonly padding?: Padding;
}

const poolKinds: OptionKinds<PoolLayerOptions> = { window: perAxis, stride: perAxis, padding };

/**
 * The largest element of each window of x `[N, C, …]`. Like PyTorch's `MaxPool2d`.
 *
 * @example
 * MaxPool(2); // or MaxPool({ window: 3, stride: 2, padding: 1 })
 */
export function MaxPool(window: PerAxis | PoolLayerOptions): (x: Operand) => Tensor {
  const options = poolOptions("MaxPool", window, poolKinds);
  return layer("MaxPool", (x: Operand) => maxPool(x, options), {});
}

/**
 * The mean of each window of x `[N, C, …]`; padding counts as zeros unless `countIncludePad` is false. Like PyTorch's
 * `AvgPool2d`.
 *
 * @example
 * AvgPool(2);
 */
export function AvgPool(
  window: PerAxis | (PoolLayerOptions & { readonly countIncludePad?: boolean }),
): (x: Operand) => Tensor {
  const options = poolOptions("AvgPool", window, { ...poolKinds, countIncludePad: boolean });
  return layer("AvgPool", (x: Operand) => avgPool(x, options), {});
}

function poolOptions<O extends PoolLayerOptions>(op: string, window: PerAxis | O, kinds: OptionKinds<O>): O {
  const hasOptions = typeof window === "object" && !Array.isArray(window);
  const read = readOptions(op, hasOptions ? (window as O) : undefined, kinds, {}) as O;
  readValue(op, "window", hasOptions ? read.window : window, perAxis);
  // A copy, so that a later change of the caller's lists does not change the layer.
  return copyOf(hasOptions ? read : ({ window } as O));
}
