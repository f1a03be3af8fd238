// Dropout: random zeros while training, so that no unit relies on another.
import { learning } from "@weft/autograd";
import { less, mul, readTensor, source, where, zerosLike, type Operand, type Tensor } from "@weft/tensor";
import {
  alias,
  boolean,
  draw,
  fraction,
  readOptions,
  readValue,
  seedNumber,
  withNumber,
  type OptionKinds,
} from "@weft/tensor/internals";

export interface DropoutOptions {
  /** Makes the mask depend on this number alone; without it each call draws the next mask of the backend's stream. */
  readonly seed?: number;
  /** Default: true inside `diff`, else false. */
  readonly training?: boolean | undefined;
}

const dropoutKinds: OptionKinds<DropoutOptions> = { seed: seedNumber, training: boolean };

/**
 * Inverted dropout: each element is 0 with probability p, else x / (1 − p). Returns x unchanged when not training.
 *
 * The mask is kept for the gradient. Throws an ArgumentError if p is not between 0 and 1. Like Knet's `dropout` and
 * PyTorch's (Srivastava et al. 2014).
 *
 * @example
 * const y = dropout(x, 0.5);
 */
export function dropout(input: Operand, p: number, options?: DropoutOptions): Tensor {
  const { seed, training = learning() } = readOptions("dropout", options, dropoutKinds, {});
  readValue("dropout", "p", p, fraction);
  const x = readTensor(input, "dropout");
  if (!training || p === 0) return alias(x);
  if (p === 1) return zerosLike(x);
  const scale = 1 / (1 - p);
  withNumber("dropout", x.dtype, scale);
  const chance = source(x.backend, "randomUniform", [], draw(x.backend, x.shape, seed, "dropout"));
  return where(less(chance, 1 - p), mul(x, scale), 0);
}
