// A deep convolutional generative adversarial network (Radford, Metz and Chintala 2016): a generator draws digits from
// noise, and a discriminator learns to tell them from real ones. Each learns from the mistakes of the other.
import { stopGradient } from "@weft/autograd";
import { add, flatten, leakyRelu, onesLike, relu, reshape, tanh, zerosLike, type Tensor } from "@weft/tensor";
import { BatchNorm, Chain, Conv, ConvTranspose, Linear, bceWithLogits, normal, zeros } from "@weft/nn";

const start = { init: normal({ std: 0.02 }), biasInit: zeros() };
const doubling = { kernel: 4, stride: 2, padding: 1, ...start };
const leaky = (x: Tensor) => leakyRelu(x, { negativeSlope: 0.2 });

/** From noise `[N, latent]` to pictures `[N, 1, 28, 28]` with brightness from −1 to 1. */
export const Generator = (latent: number) =>
  Chain(
    Linear(latent, 64 * 7 * 7, start),
    (x: Tensor) => reshape(x, [-1, 64, 7, 7]),
    BatchNorm(64),
    relu,
    ConvTranspose({ in: 64, out: 32, ...doubling }), // [N, 32, 14, 14]
    BatchNorm(32),
    relu,
    ConvTranspose({ in: 32, out: 1, ...doubling }), // [N, 1, 28, 28]
    tanh,
  );

/** From pictures `[N, 1, 28, 28]` to the logit of "it is real", `[N, 1]`. */
export const Discriminator = () =>
  Chain(
    Conv({ in: 1, out: 32, ...doubling }), // [N, 32, 14, 14]
    leaky,
    Conv({ in: 32, out: 64, ...doubling }), // [N, 64, 7, 7]
    BatchNorm(64),
    leaky,
    flatten,
    Linear(64 * 7 * 7, 1, start),
  );

/** −log D(real) − log(1 − D(fake)), without a gradient for the generator. */
export function discriminatorLoss(discriminator: (x: Tensor) => Tensor, real: Tensor, fake: Tensor): Tensor {
  const [ofReal, ofFake] = [discriminator(real), discriminator(stopGradient(fake))];
  return add(bceWithLogits(ofReal, onesLike(ofReal)), bceWithLogits(ofFake, zerosLike(ofFake)));
}

/** −log D(fake). */
export function generatorLoss(discriminator: (x: Tensor) => Tensor, fake: Tensor): Tensor {
  const ofFake = discriminator(fake);
  return bceWithLogits(ofFake, onesLike(ofFake));
}
