// Batch normalization: with the batch's statistics while training, and running ones otherwise. Training is the default
// inside `diff`.
import { customGradient, learning, stopGradient } from "@weft/autograd";
import {
  ArgumentError,
  ShapeError,
  add,
  div,
  mean,
  mul,
  readTensor,
  reshape,
  rsqrt,
  square,
  sub,
  sum,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import {
  anything,
  boolean,
  finiteNumber,
  inFloats,
  isFloat,
  readOptions,
  text,
  type OptionKinds,
} from "@weft/tensor/internals";
import { isState } from "../parameter.ts";

export interface BatchNormOptions {
  /**
   * Whether to normalize with the batch's own moments, and update the running ones. Default: true inside `diff`, else
   * false. With frozen running moments (see `freeze`) it counts as false.
   */
  readonly training?: boolean | undefined;
  /** Added to the variance. */
  readonly eps?: number;
  /** How far the running moments move toward the batch's. */
  readonly momentum?: number;
  /** A tensor, or a `state`, which is updated while training. */
  readonly runningMean?: Operand | null;
  /** A tensor, or a `state`, which is updated while training. */
  readonly runningVar?: Operand | null;
}

export const batchNormKinds: OptionKinds<BatchNormOptions> = {
  training: boolean,
  eps: finiteNumber,
  momentum: finiteNumber,
  runningMean: anything,
  runningVar: anything,
};

/**
 * Batch normalization: (x − mean) / √(var + eps) · weight + bias, for each channel of x `[N, C, …]`.
 *
 * While training, mean and (biased) variance are those of the batch, and a running moment given as a `state` becomes
 * (1 − momentum) · running + momentum · batch, with the unbiased variance; otherwise the running moments are used.
 * Throws a ShapeError if a channel has only one value to train on; an empty x stays as it is. Like PyTorch's
 * `batch_norm` (Ioffe and Szegedy 2015).
 *
 * @example
 * const y = batchNorm(x, weight, bias, { runningMean, runningVar });
 */
export function batchNorm(
  input: Operand,
  weight?: Operand | null,
  bias?: Operand | null,
  options?: BatchNormOptions,
): Tensor {
  const known = readOptions("batchNorm", options, batchNormKinds, { eps: 1e-5, momentum: 0.1 });
  const { eps, momentum, runningMean, runningVar } = known;
  const training = learns(runningMean, known.training);
  const x = readTensor(input, "batchNorm");
  if (x.size === 0 && x.shape.length < 2) return mul(inFloats(x), 1); // as PyTorch has it
  if (x.shape.length < 2) throw new ShapeError(`batchNorm: wanted x of shape [N, C, …], got ${text(x.shape)}`);
  const channels = x.shape[1]!;
  const perChannel = (v: Operand, what: string): Tensor => alongChannels("batchNorm", x, v, what);
  const [scale, shift] = [perChannel(weight ?? 1, "weight"), perChannel(bias ?? 0, "bias")];
  if (x.size === 0) return add(mul(x, scale), shift); // no values, and no moments
  if (!training) {
    if (runningMean == null || runningVar == null)
      throw new ArgumentError("batchNorm: wanted runningMean and runningVar, since training is false");
    const inverse = rsqrt(add(perChannel(runningVar, "runningVar"), eps));
    return add(mul(sub(x, perChannel(runningMean, "runningMean")), mul(inverse, scale)), shift);
  }
  const count = x.size / channels;
  if (!(count > 1))
    throw new ShapeError(`batchNorm: wanted more than one value per channel while training, got x ${text(x.shape)}`);
  const [y, average, variance] = byBatch(x, scale, shift, eps);
  follow(runningMean, () => average, momentum);
  follow(runningVar, () => mul(variance, count / (count - 1)), momentum);
  return y;
}

/**
 * `batchNorm` while training, with the mean and variance of each channel. The gradient is written by hand, since the
 * gradients of weight and bias are the two sums that the gradient of x needs: with d = √(var + eps) and
 * z = (x − mean) / d, dx = weight / d · (g − mean(g) − z · mean(g · z)).
 */
function byBatch(x: Tensor, weight: Tensor, bias: Tensor, eps: number): readonly [Tensor, Tensor, Tensor] {
  const axis = x.shape.map((_, k) => k).filter((k) => k !== 1);
  const count = x.size / x.shape[1]!;
  const total = (v: Tensor): Tensor => sum(v, { axis, keepDims: true });
  return customGradient((x: Tensor, weight: Tensor, bias: Tensor) => {
    const average = mean(x, { axis, keepDims: true });
    // Recomputed wherever it is used, since storing and reading it costs more.
    const centered = (): Tensor => sub(x, average);
    const variance = mean(square(centered()), { axis, keepDims: true });
    const inverse = rsqrt(add(variance, eps));
    const pullback = (g: Tensor): readonly Tensor[] => {
      const z = (): Tensor => mul(centered(), inverse);
      const [dWeight, dBias] = [total(mul(g, z())), total(g)];
      const rest = sub(sub(g, div(dBias, count)), mul(z(), div(dWeight, count)));
      return [mul(mul(weight, inverse), rest), dWeight, dBias];
    };
    return { value: [add(mul(centered(), mul(inverse, weight)), bias), average, variance] as const, pullback };
  })(x, weight, bias);
}

/** A value for each channel of x, `[C]`, in a shape that broadcasts; a number counts for all. */
export function alongChannels(op: string, x: Tensor, v: Operand, what: string): Tensor {
  const channels = x.shape[1]!;
  const across = x.shape.map((_, axis) => (axis === 1 ? channels : 1));
  if (typeof v === "number") return x.backend.full(across, v, { dtype: isFloat(x.dtype) ? x.dtype : "f32" });
  const t = readTensor(v, op, x);
  const { shape } = t;
  if (shape.length !== 1 || shape[0] !== channels)
    throw new ShapeError(`${op}: x ${text(x.shape)} has ${channels} channels, ${what} has the shape ${text(shape)}`);
  return reshape(t, across);
}

/** Whether a normalization uses the batch's moments: never if its running ones are frozen. */
export const learns = (running: Operand | null | undefined, training: boolean = learning()): boolean =>
  training && !(running != null && isState(running) && running.frozen);

/** Moves a running moment, if it is a state, toward the batch's. */
export function follow(running: Operand | null | undefined, batch: () => Tensor, momentum: number): void {
  if (running == null || !isState(running)) return;
  const moment = batch();
  const value = readTensor(running, "batchNorm", moment);
  running.value = add(mul(value, 1 - momentum), mul(reshape(stopGradient(moment), value.shape), momentum));
}
