// What the models are built of: a convolution with normalization and activation, weights of channels that depend on
// their means, and blocks around which their input is added.
import { add, globalAvgPool, mul, onesLike, slice, type Tensor } from "@weft/tensor";
import { sizeOf } from "@weft/tensor/internals";
import { Chain, type Link } from "../chain.ts";
import { Conv } from "../conv/conv.ts";
import { dropout } from "../dropout.ts";
import { constant, normal, type Initializer } from "../initializers.ts";
import { layer } from "../layer.ts";
import { Linear } from "../linear.ts";
import { BatchNorm, type BatchNormLayerOptions } from "../norm/layers.ts";

/** N(0, 2 / fanOut): the first values of convolutions (He et al. 2015). */
export const fanOutNormal: Initializer = (shape, draws) =>
  normal({ std: Math.sqrt((2 * shape[1]!) / sizeOf(shape)) })(shape, draws);

/** A last layer, with small first values. */
export const classifier = (features: number, classes: number): Linear =>
  Linear(features, classes, { init: normal({ std: 0.01 }), biasInit: constant(0) });

export interface ConvBlockOptions {
  readonly kernel?: number;
  readonly stride?: number;
  readonly groups?: number;
  readonly norm?: BatchNormLayerOptions | undefined;
}

/** A convolution without bias that keeps sizes (except for its stride), and its normalization. */
export function normalized(inputs: number, outputs: number, options: ConvBlockOptions = {}): [Conv, BatchNorm] {
  const { kernel = 3, stride = 1, groups = 1, norm } = options;
  const padding = (kernel - 1) / 2;
  return [
    Conv({ in: inputs, out: outputs, kernel, stride, padding, groups, bias: false, init: fanOutNormal }),
    BatchNorm(outputs, norm),
  ];
}

/** The same with an activation: one link of a chain. */
export const convBlock = (inputs: number, outputs: number, activation: Link, options?: ConvBlockOptions): Link =>
  Chain(...normalized(inputs, outputs, options), activation);

/**
 * Squeeze and excitation: each channel is multiplied by a weight, which two layers compute from the means of all
 * channels (Hu et al. 2018).
 */
export function squeezeExcitation(channels: number, squeezed: number, activation: Link, gate: Link): Link {
  const onMeans = (inputs: number, outputs: number): Conv =>
    Conv({ in: inputs, out: outputs, kernel: 1, init: fanOutNormal, biasInit: constant(0) });
  const call = (x: Tensor): Tensor => {
    const means = globalAvgPool(x);
    return mul(x, gate(self.fc2(activation(self.fc1(means)))));
  };
  const self = layer("SqueezeExcitation", call, {
    fc1: onMeans(channels, squeezed),
    fc2: onMeans(squeezed, channels),
  });
  return self;
}

/**
 * Stochastic depth: of each image the block is left out with probability p while training, and its result is scaled by
 * 1 / (1 − p) otherwise (Huang et al. 2016).
 */
const leftOut = (x: Tensor, p: number): Tensor => {
  if (p === 0) return x;
  const perImage = slice(x, { ends: [x.shape[0]!, ...x.shape.slice(1).map(() => 1)] });
  return mul(x, dropout(onesLike(perImage), p));
};

/** A block under the name `field`. Where `around`, its input is added to its result. */
export function invertedResidual(field: "block" | "conv", links: readonly Link[], around: boolean, drop = 0): Link {
  const fields: { [name: string]: Link } = { [field]: Chain(...links) };
  const call = (x: Tensor): Tensor => {
    const y = self[field]!(x);
    return around ? add(x, leftOut(y, drop)) : y;
  };
  const self = layer("InvertedResidual", call, fields);
  return self;
}
