// Normalization layers and dropout: batch normalization with its running moments, layer normalization.
import { learning, type Param, type State } from "@weft/autograd";
import { add, readTensor, type Operand, type Tensor } from "@weft/tensor";
import {
  boolean,
  copyOf,
  fraction,
  nonNegative,
  positiveCount,
  readOptions,
  readValue,
  together,
} from "@weft/tensor/internals";
import { dropout, type DropoutOptions } from "./dropout.ts";
import { ones, zeros } from "./initializers.ts";
import { perAxis, trainingKinds } from "./kinds.ts";
import { layer } from "./layer.ts";
import { batchNorm, layerNorm } from "./norm.ts";
import { parameter, running } from "./parameter.ts";

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
    const { training = learning() } = readOptions("BatchNorm", mode, trainingKinds, {});
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

export interface LayerNormLayerOptions {
  readonly eps?: number;
  /** Whether it has a weight and a bias. */
  readonly affine?: boolean;
}

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
  const { eps, affine } = readOptions(
    "LayerNorm",
    options,
    { eps: nonNegative, affine: boolean },
    { eps: 1e-5, affine: true },
  );
  const shape = typeof features === "number" ? [features] : copyOf(features);
  const call = (x: Operand): Tensor =>
    layerNorm(readTensor(x, "LayerNorm"), self.weight, self.bias, { eps, axes: shape.length });
  const self: LayerNorm = layer("LayerNorm", call, {
    weight: affine ? parameter(shape, ones()) : null,
    bias: affine ? parameter(shape, zeros()) : null,
  });
  return self;
}

/** See the function `Dropout`. */
export interface Dropout {
  (x: Operand, options?: { readonly training?: boolean }): Tensor;
  /** The probability of a zero. */
  p: number;
}

/**
 * Dropout as a layer (see `dropout`): zeros with probability p while training.
 *
 * @example
 * const model = Chain(Linear(784, 256), relu, Dropout(0.5), Linear(256, 10));
 */
export function Dropout(p = 0.5): Dropout {
  readValue("Dropout", "p", p, fraction);
  const self: Dropout = layer("Dropout", (x: Operand, options?: DropoutOptions) => dropout(x, self.p, options), { p });
  return self;
}
