// Normalization layers: the functions, with their weights and running moments as fields.
import type { Param, State } from "@weft/autograd";
import { ArgumentError, ShapeError, add, readTensor, type Operand, type Tensor } from "@weft/tensor";
import {
  boolean,
  copyOf,
  fraction,
  nonNegative,
  positiveCount,
  readOptions,
  readValue,
  together,
  text,
  type OptionKinds,
} from "@weft/tensor/internals";
import { ones, zeros } from "../initializers.ts";
import { perAxis, trainingKinds } from "../kinds.ts";
import { layer } from "../layer.ts";
import { batchNorm, learns } from "./batch.ts";
import { groupNorm, instanceNorm } from "./groups.ts";
import { layerNorm, rmsNorm } from "./rows.ts";
import { parameter, running } from "../parameter.ts";

export interface BatchNormLayerOptions {
  readonly eps?: number;
  /** How far the running moments move toward the batch's. */
  readonly momentum?: number;
  /** Whether it has a weight and a bias. */
  readonly affine?: boolean;
}

/** See the function `BatchNorm`. */
export interface BatchNorm {
  (x: Operand, options?: { readonly training?: boolean }): Tensor;
  weight: Param | null;
  bias: Param | null;
  running_mean: State;
  running_var: State;
  num_batches_tracked: State;
}

/**
 * Batch normalization of x `[N, features, …]` (see `batchNorm`), with running moments that are saved but are not
 * parameters. Like PyTorch's `BatchNorm1d`, `BatchNorm2d` and `BatchNorm3d`.
 *
 * @example
 * const model = Chain(Conv({ in: 3, out: 16, kernel: 3, bias: false }), BatchNorm(16), relu);
 */
export function BatchNorm(features: number, options?: BatchNormLayerOptions): BatchNorm {
  readValue("BatchNorm", "features", features, positiveCount);
  const kinds = { eps: nonNegative, momentum: fraction, affine: boolean };
  const { eps, momentum, affine } = readOptions("BatchNorm", options, kinds, {
    eps: 1e-5,
    momentum: 0.1,
    affine: true,
  });
  const call = (input: Operand, mode?: { readonly training?: boolean }): Tensor => {
    const training = learns(self.running_mean, readOptions("BatchNorm", mode, trainingKinds, {}).training);
    const x = readTensor(input, "BatchNorm");
    const moments = { runningMean: self.running_mean, runningVar: self.running_var };
    const run = (): Tensor => batchNorm(x, self.weight, self.bias, { training, eps, momentum, ...moments });
    if (!training) return run();
    const count = self.num_batches_tracked;
    // Together: where the moments are rolled back, so is the count.
    return together(() => {
      const y = run();
      count.value = add(readTensor(count, "BatchNorm", x), 1);
      return y;
    });
  };
  const self: BatchNorm = layer("BatchNorm", call, {
    weight: affine ? parameter([features], ones()) : null,
    bias: affine ? parameter([features], zeros()) : null,
    running_mean: running([features], zeros()),
    running_var: running([features], ones()),
    num_batches_tracked: running([], zeros(), { dtype: "i32", stored: "I64" }),
  });
  return self;
}

export interface NormLayerOptions {
  readonly eps?: number;
  /** Whether it has a weight and, but for RMSNorm, a bias. */
  readonly affine?: boolean;
}

export interface LayerNormLayerOptions extends NormLayerOptions {
  /** Whether it has a bias beside its weight (true). */
  readonly bias?: boolean;
}

const normKinds: OptionKinds<NormLayerOptions> = { eps: nonNegative, affine: boolean };
const layerNormKinds: OptionKinds<LayerNormLayerOptions> = { ...normKinds, bias: boolean };

/** See the function `LayerNorm`. */
export interface LayerNorm {
  (x: Operand): Tensor;
  weight: Param | null;
  bias: Param | null;
}

/**
 * Layer normalization of the last axis of x if `features` is a number, or of its last axes if `features` is their shape
 * (see `layerNorm`). Like PyTorch's `LayerNorm`.
 *
 * @example
 * const model = Chain(Linear(784, 256), LayerNorm(256), relu, Linear(256, 10));
 */
export function LayerNorm(features: number | readonly number[], options?: LayerNormLayerOptions): LayerNorm {
  readValue("LayerNorm", "features", features, perAxis);
  const defaults = { eps: 1e-5, affine: true, bias: true };
  const { eps, affine, bias } = readOptions("LayerNorm", options, layerNormKinds, defaults);
  const shape = typeof features === "number" ? [features] : copyOf(features);
  const call = (x: Operand): Tensor =>
    layerNorm(readTensor(x, "LayerNorm"), self.weight, self.bias, { eps, axes: shape.length });
  const self: LayerNorm = layer("LayerNorm", call, {
    weight: affine ? parameter(shape, ones()) : null,
    bias: affine && bias ? parameter(shape, zeros()) : null,
  });
  return self;
}

/** See the function `RMSNorm`. */
export interface RMSNorm {
  (x: Operand): Tensor;
  weight: Param | null;
}

/**
 * Root mean square normalization of the last axis of x if `features` is a number, or of its last axes if `features` is
 * their shape (see `rmsNorm`). Like PyTorch's `RMSNorm`, except for the default of eps.
 *
 * @example
 * const model = Chain(Linear(784, 256), RMSNorm(256), relu, Linear(256, 10));
 */
export function RMSNorm(features: number | readonly number[], options?: NormLayerOptions): RMSNorm {
  readValue("RMSNorm", "features", features, perAxis);
  const { eps, affine } = readOptions("RMSNorm", options, normKinds, { eps: 1e-5, affine: true });
  const shape = typeof features === "number" ? [features] : copyOf(features);
  const call = (x: Operand): Tensor => rmsNorm(readTensor(x, "RMSNorm"), self.weight, { eps, axes: shape.length });
  const self: RMSNorm = layer("RMSNorm", call, { weight: affine ? parameter(shape, ones()) : null });
  return self;
}

/** See the function `GroupNorm`. */
export interface GroupNorm {
  (x: Operand): Tensor;
  weight: Param | null;
  bias: Param | null;
}

/**
 * Group normalization of x `[N, features, …]` (see `groupNorm`). Like PyTorch's `GroupNorm`.
 *
 * @example
 * const model = Chain(Conv({ in: 3, out: 16, kernel: 3 }), GroupNorm(4, 16), relu);
 */
export function GroupNorm(groups: number, features: number, options?: NormLayerOptions): GroupNorm {
  readValue("GroupNorm", "groups", groups, positiveCount);
  readValue("GroupNorm", "features", features, positiveCount);
  if (features % groups !== 0)
    throw new ArgumentError(`GroupNorm: ${features} features cannot be split into ${groups} equal groups`);
  const { eps, affine } = readOptions("GroupNorm", options, normKinds, { eps: 1e-5, affine: true });
  const call = (x: Operand): Tensor => groupNorm(readTensor(x, "GroupNorm"), groups, self.weight, self.bias, { eps });
  const self: GroupNorm = layer("GroupNorm", call, {
    weight: affine ? parameter([features], ones()) : null,
    bias: affine ? parameter([features], zeros()) : null,
  });
  return self;
}

export interface InstanceNormLayerOptions extends BatchNormLayerOptions {
  /** Whether it keeps running moments, and uses them when not training (false). */
  readonly track?: boolean;
}

/** See the function `InstanceNorm`. */
export interface InstanceNorm {
  (x: Operand, options?: { readonly training?: boolean }): Tensor;
  weight: Param | null;
  bias: Param | null;
  running_mean: State | null;
  running_var: State | null;
  /** It stays 0, as in PyTorch, whose files have it. */
  num_batches_tracked: State | null;
}

/**
 * Instance normalization of x `[N, features, …]` (see `instanceNorm`), by default without weights and running moments.
 * Like PyTorch's `InstanceNorm1d`, `InstanceNorm2d` and `InstanceNorm3d`.
 *
 * @example
 * const model = Chain(Conv({ in: 3, out: 16, kernel: 3 }), InstanceNorm(16, { affine: true }), relu);
 */
export function InstanceNorm(features: number, options?: InstanceNormLayerOptions): InstanceNorm {
  readValue("InstanceNorm", "features", features, positiveCount);
  const kinds = { eps: nonNegative, momentum: fraction, affine: boolean, track: boolean };
  const defaults = { eps: 1e-5, affine: false, track: false };
  const { eps, momentum, affine, track } = readOptions("InstanceNorm", options, kinds, defaults);
  if (momentum !== undefined && !track)
    throw new ArgumentError("InstanceNorm: momentum is for running moments, wanted track: true with it");
  const call = (input: Operand, mode?: { readonly training?: boolean }): Tensor => {
    const { training } = readOptions("InstanceNorm", mode, trainingKinds, {});
    const x = readTensor(input, "InstanceNorm");
    if (x.shape[1] !== features)
      throw new ShapeError(`InstanceNorm: wanted x [N, ${features}, …], got ${text(x.shape)}`);
    const { running_mean: runningMean, running_var: runningVar } = self;
    const moments = track ? { training, momentum, runningMean, runningVar } : undefined;
    return instanceNorm(x, self.weight, self.bias, { eps, ...moments });
  };
  const self: InstanceNorm = layer("InstanceNorm", call, {
    weight: affine ? parameter([features], ones()) : null,
    bias: affine ? parameter([features], zeros()) : null,
    running_mean: track ? running([features], zeros()) : null,
    running_var: track ? running([features], ones()) : null,
    num_batches_tracked: track ? running([], zeros(), { dtype: "i32", stored: "I64" }) : null,
  });
  return self;
}
