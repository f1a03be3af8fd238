// A variational autoencoder (Kingma and Welling 2014): an encoder says which codes z a picture x may stand for, as a
// normal distribution, and a decoder says which picture a code stands for. Random codes then give new pictures.
import { add, div, exp, flatten, mul, relu, split, square, sub, sum, type Tensor } from "@weft/tensor";
import { Chain, Linear, bceWithLogits } from "@weft/nn";

/** Codes of `latent` numbers for pictures `[N, 1, 28, 28]` with brightness from 0 to 1. */
export function VAE(latent: number) {
  const encoder = Chain(flatten, Linear(784, 400), relu, Linear(400, 2 * latent));
  /** From codes `[N, latent]` to the logit of each pixel, `[N, 784]`. */
  const decoder = Chain(Linear(latent, 400), relu, Linear(400, 784));
  /** The mean and log σ² of the code of each picture, `[N, latent]` each. */
  const encode = (x: Tensor): [mean: Tensor, logVariance: Tensor] => split(encoder(x), 2, { axis: 1 });
  return { encoder, decoder, encode };
}

/**
 * The loss, in nats a picture: the cross-entropy of the pixels that are decoded from z = mean + σ noise, and
 * KL(q(z | x) ‖ p(z)). `noise` is standard normal, `[N, latent]`.
 *
 * Of pictures in black and white it would be −log p(x) at least, in the mean over noise: the negative evidence lower
 * bound. The pixels here are gray, as in PyTorch's example: their cross-entropy is no likelihood, since it does not
 * become 1 when it is integrated over all grays.
 */
export function vaeLoss({ encode, decoder }: ReturnType<typeof VAE>, x: Tensor, noise: Tensor): Tensor {
  const [mean, logVariance] = encode(x);
  const z = add(mean, mul(exp(div(logVariance, 2)), noise));
  const reconstruction = bceWithLogits(decoder(z), flatten(x), { reduction: "sum" });
  const divergence = mul(0.5, sum(sub(add(square(mean), exp(logVariance)), add(logVariance, 1))));
  return div(add(reconstruction, divergence), x.shape[0]!);
}
