// Pooling as layers.
import {
  adaptiveAvgPool,
  adaptiveMaxPool,
  avgPool,
  maxPool,
  type AvgPoolOptions,
  type MaxPoolOptions,
  type Operand,
  type OutputSize,
  type PoolOptions,
  type Tensor,
} from "@weft/tensor";
import {
  boolean,
  copyOf,
  finiteNumber,
  outputSize,
  readOptions,
  readValue,
  type OptionKinds,
  type PerAxis,
} from "@weft/tensor/internals";
import { autoPadding, perAxis } from "../kinds.ts";
import { layer } from "../layer.ts";

export type PoolLayerOptions = PoolOptions;
export type MaxPoolLayerOptions = MaxPoolOptions;
export type AvgPoolLayerOptions = AvgPoolOptions;

const poolKinds: OptionKinds<PoolLayerOptions> = {
  window: perAxis,
  stride: perAxis,
  padding: autoPadding,
  ceilMode: boolean,
};
const maxKinds: OptionKinds<MaxPoolLayerOptions> = { ...poolKinds, dilation: perAxis };
const avgKinds: OptionKinds<AvgPoolLayerOptions> = { ...poolKinds, countIncludePad: boolean, divisor: finiteNumber };

/**
 * The largest element of each window of x `[N, C, …]`. Like PyTorch's `MaxPool2d`.
 *
 * @example
 * MaxPool(2); // or MaxPool({ window: 3, stride: 2, padding: 1 })
 */
export function MaxPool(window: PerAxis | MaxPoolLayerOptions): (x: Operand) => Tensor {
  const options = poolOptions("MaxPool", window, maxKinds);
  return layer("MaxPool", (x: Operand) => maxPool(x, options), {});
}

/**
 * The mean of each window of x `[N, C, …]`; padding counts as zeros unless `countIncludePad` is false. Like PyTorch's
 * `AvgPool2d`.
 *
 * @example
 * AvgPool(2);
 */
export function AvgPool(window: PerAxis | AvgPoolLayerOptions): (x: Operand) => Tensor {
  const options = poolOptions("AvgPool", window, avgKinds);
  return layer("AvgPool", (x: Operand) => avgPool(x, options), {});
}

function poolOptions<O extends PoolLayerOptions>(op: string, window: PerAxis | O, kinds: OptionKinds<O>): O {
  const hasOptions = typeof window === "object" && !Array.isArray(window);
  const read = readOptions(op, hasOptions ? (window as O) : undefined, kinds, {}) as O;
  readValue(op, "window", hasOptions ? read.window : window, perAxis);
  // A copy, so that a later change of the caller's lists does not change the layer.
  return copyOf(hasOptions ? read : ({ window } as O));
}

/**
 * Means over windows that divide x `[N, C, …]` into `size` parts along each spatial axis. A list has one size per axis,
 * where null keeps the axis. Like PyTorch's `AdaptiveAvgPool1d`, `AdaptiveAvgPool2d` and `AdaptiveAvgPool3d`.
 *
 * @example
 * const features = Chain(AdaptiveAvgPool(1), flatten);
 */
export function AdaptiveAvgPool(size: OutputSize): (x: Operand) => Tensor {
  const read = copyOf(readValue("AdaptiveAvgPool", "size", size, outputSize));
  return layer("AdaptiveAvgPool", (x: Operand) => adaptiveAvgPool(x, read), {});
}

/**
 * The largest elements of the windows of `AdaptiveAvgPool`. Like PyTorch's `AdaptiveMaxPool1d`, `AdaptiveMaxPool2d` and
 * `AdaptiveMaxPool3d`.
 *
 * @example
 * AdaptiveMaxPool([7, 7]);
 */
export function AdaptiveMaxPool(size: OutputSize): (x: Operand) => Tensor {
  const read = copyOf(readValue("AdaptiveMaxPool", "size", size, outputSize));
  return layer("AdaptiveMaxPool", (x: Operand) => adaptiveMaxPool(x, read), {});
}
