// Normalization of the channels of each sample by themselves: in groups, one by one, or by their neighbors. Definitions
// are PyTorch's.
import { learning } from "@weft/autograd";
import {
  ShapeError,
  add,
  avgPool,
  div,
  mean,
  mul,
  pad,
  pow,
  readTensor,
  reshape,
  square,
  standardize,
  variance,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import {
  finiteNumber,
  inFloats,
  inNameOf,
  placed,
  positiveCount,
  readOptions,
  readValue,
  sizeOf,
  text,
  type OptionKinds,
} from "@weft/tensor/internals";
import { alongChannels, batchNorm, batchNormKinds, follow, learns, type BatchNormOptions } from "./batch.ts";

export interface GroupNormOptions {
  /** Added to the variance. */
  readonly eps?: number;
}

/**
 * Group normalization: (x − mean) / √(var + eps) · weight + bias for x `[N, C, …]`, with the moments of each sample over
 * the C / groups channels of a group and all positions; weight and bias are `[C]`. Throws a ShapeError if the groups do
 * not divide the channels. Like PyTorch's `group_norm` (Wu and He 2018).
 *
 * @example
 * groupNorm(tensor([[[1, 3], [5, 7]]]), 2, null, null, { eps: 0 }); // [[[-1, 1], [-1, 1]]]
 */
export function groupNorm(
  input: Operand,
  groups: number,
  weight?: Operand | null,
  bias?: Operand | null,
  options?: GroupNormOptions,
): Tensor {
  const { eps } = readOptions("groupNorm", options, { eps: finiteNumber }, { eps: 1e-5 });
  readValue("groupNorm", "groups", groups, positiveCount);
  const x = readTensor(input, "groupNorm", placed([weight, bias]));
  const channels = x.shape[1];
  if (channels === undefined || channels % groups !== 0)
    throw new ShapeError(`groupNorm: wanted x [N, C, …] with channels in ${groups} equal groups, got ${text(x.shape)}`);
  return inNameOf("groupNorm", () => scaled("groupNorm", standardized(x, groups, eps), weight, bias));
}

/** x with each group of channels of each sample at mean 0 and variance 1. */
function standardized(x: Tensor, groups: number, eps: number): Tensor {
  const length = (x.shape[1]! / groups) * sizeOf(x.shape.slice(2));
  return reshape(standardize(reshape(x, [x.shape[0]! * groups, length]), { eps }), x.shape);
}

/** y · weight + bias along the channels. */
function scaled(op: string, y: Tensor, weight: Operand | null | undefined, bias: Operand | null | undefined): Tensor {
  const stretched = weight == null ? y : mul(y, alongChannels(op, y, weight, "weight"));
  return bias == null ? stretched : add(stretched, alongChannels(op, y, bias, "bias"));
}

/**
 * Instance normalization: (x − mean) / √(var + eps) · weight + bias, with the moments of each channel of each sample of x
 * `[N, C, …]`; weight and bias are `[C]`.
 *
 * With running moments it uses those when not training; when training, a running moment given as a `state` moves toward
 * the mean over the samples, as in `batchNorm`. Throws a ShapeError if a channel has only one value. Like PyTorch's
 * `instance_norm` (Ulyanov, Vedaldi and Lempitsky 2016).
 *
 * @example
 * instanceNorm(tensor([[[1, 3], [5, 9]]]), null, null, { eps: 0 }); // [[[-1, 1], [-1, 1]]]
 */
export function instanceNorm(
  input: Operand,
  weight?: Operand | null,
  bias?: Operand | null,
  options?: BatchNormOptions,
): Tensor {
  const op = "instanceNorm";
  const known = readOptions(op, options, batchNormKinds, { eps: 1e-5, momentum: 0.1 });
  const { eps, momentum, runningMean, runningVar } = known;
  const x = readTensor(input, op, placed([weight, bias, runningMean, runningVar]));
  if (x.shape.length < 3) throw new ShapeError(`${op}: wanted x of shape [N, C, …], got ${text(x.shape)}`);
  const [samples, channels] = x.shape as unknown as [number, number];
  const tracked = runningMean != null && runningVar != null;
  if (!learns(runningMean, known.training ?? (tracked ? learning() : true)))
    return inNameOf(op, () => batchNorm(x, weight, bias, { eps, runningMean, runningVar, training: false }));
  const length = sizeOf(x.shape.slice(2));
  if (length === 1) throw new ShapeError(`${op}: wanted more than one value per channel, got x ${text(x.shape)}`);
  return inNameOf(op, () => {
    const rows = reshape(x, [samples, channels, length]);
    const overSamples = (moment: Tensor): Tensor => mean(moment, { axis: 0 });
    follow(runningMean, () => overSamples(mean(rows, { axis: 2 })), momentum);
    follow(runningVar, () => overSamples(variance(rows, { axis: 2, correction: 1 })), momentum);
    return scaled(op, standardized(x, channels, eps), weight, bias);
  });
}

export interface LocalResponseOptions {
  readonly alpha?: number;
  readonly beta?: number;
  readonly k?: number;
}

const responseKinds: OptionKinds<LocalResponseOptions> = { alpha: finiteNumber, beta: finiteNumber, k: finiteNumber };

/**
 * Normalization by neighboring channels: x / (k + alpha · mean x²)^beta for x `[N, C, …]`, with the mean over `size`
 * channels around each, zeros beyond the ends. Like PyTorch's `local_response_norm` (Krizhevsky et al. 2012).
 *
 * @example
 * localResponseNorm(tensor([[[1], [2]]]), 1, { alpha: 1, beta: 1 }); // [[[0.5], [0.4]]]
 */
export function localResponseNorm(input: Operand, size: number, options?: LocalResponseOptions): Tensor {
  const op = "localResponseNorm";
  readValue(op, "size", size, positiveCount);
  const { alpha, beta, k } = readOptions(op, options, responseKinds, { alpha: 1e-4, beta: 0.75, k: 1 });
  const x = inFloats(readTensor(input, op));
  if (x.shape.length < 2) throw new ShapeError(`${op}: wanted x of shape [N, C, …], got ${text(x.shape)}`);
  return inNameOf(op, () => {
    const [samples, channels] = x.shape as unknown as [number, number];
    const squares = reshape(square(x), [samples, 1, channels, sizeOf(x.shape.slice(2))]);
    const before = Math.floor(size / 2);
    const padded = pad(squares, { pads: [[0, 0], [0, 0], [before, size - 1 - before], [0, 0]] }); // oxfmt-ignore
    const means = avgPool(padded, { window: [size, 1], stride: 1 });
    return div(x, pow(add(mul(reshape(means, x.shape), alpha), k), beta));
  });
}
