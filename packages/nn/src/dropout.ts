// Dropout: random zeros while training, so that no unit relies on another. As functions and as layers.
import { learning } from "@weft/autograd";
import {
  ShapeError,
  add,
  less,
  mul,
  readTensor,
  source,
  where,
  zerosLike,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import {
  alias,
  boolean,
  draw,
  fraction,
  inNameOf,
  readOptions,
  readValue,
  seedNumber,
  withNumber,
  text,
  type OptionKinds,
} from "@weft/tensor/internals";
import { layer } from "./layer.ts";

export interface DropoutOptions {
  /** Makes the mask depend on this number alone; without it each call draws the next mask of the backend's stream. */
  readonly seed?: number | undefined;
  /** Default: true inside `diff`, else false. */
  readonly training?: boolean | undefined;
  /** Whether whole channels of x `[N, C, …]` are dropped together, instead of each element by itself (false). */
  readonly channels?: boolean | undefined;
}

const dropoutKinds: OptionKinds<DropoutOptions> = { seed: seedNumber, training: boolean, channels: boolean };

/** What is dropped: nothing, all of x, or what a mask does not keep. */
function draws(op: string, input: Operand, p: number, options: DropoutOptions | undefined) {
  const { seed, training = learning(), channels = false } = readOptions(op, options, dropoutKinds, {});
  readValue(op, "p", p, fraction);
  const x = readTensor(input, op);
  if (!training || p === 0) return { x, kept: true } as const;
  if (channels && x.shape.length < 2) throw new ShapeError(`${op}: wanted x of shape [N, C, …], got ${text(x.shape)}`);
  if (p === 1) return { x, kept: false } as const;
  const shape = channels ? x.shape.map((d, axis) => (axis < 2 ? d : 1)) : x.shape;
  const chance = source(x.backend, "randomUniform", [], draw(x.backend, shape, seed, "dropout"));
  return { x, kept: less(chance, 1 - p) };
}

/**
 * Inverted dropout: each element is 0 with probability p, else x / (1 − p); with `channels`, each channel of x
 * `[N, C, …]`. Returns x unchanged when not training.
 *
 * The mask is kept for the gradient. Throws an ArgumentError if p is not between 0 and 1. Like Knet's `dropout` and
 * PyTorch's `dropout`, `dropout1d`, `dropout2d` and `dropout3d` (Srivastava et al. 2014).
 *
 * @example
 * const y = dropout(x, 0.5);
 */
export function dropout(input: Operand, p: number, options?: DropoutOptions): Tensor {
  const { x, kept } = draws("dropout", input, p, options);
  if (kept === true) return alias(x);
  if (kept === false) return zerosLike(x);
  const scale = 1 / (1 - p);
  withNumber("dropout", x.dtype, scale);
  return where(kept, mul(x, scale), 0);
}

/** What selu gives for −∞, the other way round. */
const SATURATED = 1.7580993408473766;

/**
 * Dropout for networks of `selu`: dropped elements become selu(−∞), and the result is scaled so that mean 0 and variance
 * 1 stay. With `channels`, each channel of x `[N, C, …]`. Returns x unchanged when not training. Like PyTorch's
 * `alpha_dropout` and `feature_alpha_dropout` (Klambauer et al. 2017).
 *
 * @example
 * const y = alphaDropout(selu(x), 0.1);
 */
export function alphaDropout(input: Operand, p: number, options?: DropoutOptions): Tensor {
  const { x, kept } = draws("alphaDropout", input, p, options);
  if (kept === true) return alias(x);
  if (kept === false) return zerosLike(x);
  const scale = 1 / Math.sqrt((SATURATED ** 2 * p + 1) * (1 - p));
  withNumber("alphaDropout", x.dtype, scale);
  return inNameOf("alphaDropout", () => add(mul(where(kept, x, -SATURATED), scale), SATURATED * scale * p));
}

interface DropoutCall {
  (x: Operand, options?: { readonly training?: boolean | undefined }): Tensor;
  /** The probability of a zero. */
  p: number;
}

/** See the function `Dropout`. */
export interface Dropout extends DropoutCall {}

/**
 * Dropout as a layer (see `dropout`): zeros with probability p while training; with `channels`, of whole channels.
 *
 * @example
 * const model = Chain(Linear(784, 256), relu, Dropout(0.5), Linear(256, 10));
 */
export const Dropout = (p = 0.5, options?: Pick<DropoutOptions, "channels">): Dropout =>
  dropping("Dropout", dropout, p, options);

/** See the function `AlphaDropout`. */
export interface AlphaDropout extends DropoutCall {}

/**
 * Dropout for networks of `selu` as a layer (see `alphaDropout`).
 *
 * @example
 * const model = Chain(Linear(784, 256), selu, AlphaDropout(0.1), Linear(256, 10));
 */
export const AlphaDropout = (p = 0.5, options?: Pick<DropoutOptions, "channels">): AlphaDropout =>
  dropping("AlphaDropout", alphaDropout, p, options);

function dropping(
  kind: string,
  f: typeof dropout,
  p: number,
  options: Pick<DropoutOptions, "channels"> | undefined,
): DropoutCall {
  readValue(kind, "p", p, fraction);
  const { channels } = readOptions(kind, options, { channels: boolean }, {});
  const call = (x: Operand, more?: DropoutOptions): Tensor => f(x, self.p, { channels, ...more });
  const self: DropoutCall = layer(kind, call, { p });
  return self;
}
