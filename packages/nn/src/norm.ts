// Normalization: with the batch's statistics while training, and running ones otherwise. Training is the default inside
// `diff`.
import { customGradient, learning, stopGradient } from "@weft/autograd";
import {
  add,
  ArgumentError,
  div,
  mean,
  mul,
  readTensor,
  readTensors,
  reshape,
  rsqrt,
  ShapeError,
  square,
  standardize,
  sub,
  sum,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import {
  anything,
  applyFusedRead,
  boolean,
  floating,
  fraction,
  inNameOf,
  isFloat,
  nonNegative,
  type OptionKinds,
  placed,
  positiveCount,
  read,
  readOptions,
  rmsNormOp,
  sameShape,
  sizeOf,
} from "@weft/tensor/internals";
import { isState } from "./parameter.ts";

export interface BatchNormOptions {
  /**
   * Whether to normalize with the batch's own moments, and update the running ones. Default: true inside `diff`, else
   * false.
   */
  readonly training?: boolean;
  /** Added to the variance. */
  readonly eps?: number;
  /** How far the running moments move toward the batch's. */
  readonly momentum?: number;
  /** A tensor, or a `state`, which is updated while training. */
  readonly runningMean?: Operand | null;
  /** A tensor, or a `state`, which is updated while training. */
  readonly runningVar?: Operand | null;
}

const batchNormKinds: OptionKinds<BatchNormOptions> = {
  training: boolean,
  eps: nonNegative,
  momentum: fraction,
  runningMean: anything,
  runningVar: anything,
};

/**
 * Batch normalization: (x − mean) / √(var + eps) · weight + bias, for each channel of x `[N, C, …]`.
 *
 * While training, mean and (biased) variance are those of the batch, and a running moment given as a `state` becomes
 * (1 − momentum) · running + momentum · batch, with the unbiased variance; otherwise the running moments are used.
 * Throws a ShapeError if a channel has only one value to train on. Like PyTorch's `batch_norm` (Ioffe and Szegedy
 * 2015).
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
  const { training = learning(), eps, momentum, runningMean, runningVar } = known;
  const x = readTensor(input, "batchNorm");
  if (x.shape.length < 2) throw new ShapeError(`batchNorm: wanted x of shape [N, C, …], got [${x.shape}]`);
  const channels = x.shape[1]!;
  const across = x.shape.map((_, axis) => (axis === 1 ? channels : 1));
  const perChannel = (v: Operand, what: string): Tensor => {
    if (typeof v === "number") return x.backend.full(across, v, { dtype: isFloat(x.dtype) ? x.dtype : "f32" });
    const t = readTensor(v, "batchNorm", x);
    const { shape } = t;
    if (shape.length !== 1 || shape[0] !== channels)
      throw new ShapeError(`batchNorm: x [${x.shape}] has ${channels} channels, ${what} has the shape [${shape}]`);
    return reshape(t, across);
  };
  const [scale, shift] = [perChannel(weight ?? 1, "weight"), perChannel(bias ?? 0, "bias")];
  if (!training) {
    if (runningMean == null || runningVar == null)
      throw new ArgumentError("batchNorm: wanted runningMean and runningVar, since training is false");
    const inverse = rsqrt(add(perChannel(runningVar, "runningVar"), eps));
    return add(mul(sub(x, perChannel(runningMean, "runningMean")), mul(inverse, scale)), shift);
  }
  const count = x.size / channels;
  if (!(count > 1))
    throw new ShapeError(`batchNorm: wanted more than one value per channel while training, got x [${x.shape}]`);
  const [y, average, variance] = byBatch(x, scale, shift, eps);
  follow(runningMean, average, momentum, 1);
  follow(runningVar, variance, momentum, count / (count - 1));
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

export interface LayerNormOptions {
  /** Added to the variance. */
  readonly eps?: number;
  /** How many of the last axes are normalized together: those of weight or bias, else 1. */
  readonly axes?: number;
}

const layerNormKinds: OptionKinds<LayerNormOptions> = { eps: nonNegative, axes: positiveCount };

/**
 * Layer normalization: (x − mean) / √(var + eps) · weight + bias, with the moments over the last axes of x. Weight and
 * bias have the shape of these axes, else it throws a ShapeError. Like PyTorch's `layer_norm` (Ba, Kiros and Hinton
 * 2016).
 *
 * @example
 * const y = layerNorm(x, weight, bias, { eps: 1e-5 });
 */
export function layerNorm(
  input: Operand,
  weight?: Operand | null,
  bias?: Operand | null,
  options?: LayerNormOptions,
): Tensor {
  const { eps, axes: given } = readOptions("layerNorm", options, layerNormKinds, { eps: 1e-5 });
  const x = readTensor(input, "layerNorm", placed([weight, bias]));
  const [scale, shift] = [weight, bias].map((p) => (p == null ? p : read(p, "layerNorm", x)));
  const shapes = [scale, shift].flatMap((p) => (p == null || typeof p === "number" ? [] : [p.shape]));
  const axes = given ?? shapes[0]?.length ?? 1;
  if (!(axes > 0 && axes <= x.shape.length))
    throw new ShapeError(`layerNorm: wanted x with ${axes} axes or more to normalize, got [${x.shape}]`);
  const last = x.shape.slice(-axes);
  for (const shape of shapes)
    if (!sameShape(shape, last))
      throw new ShapeError(`layerNorm: x [${x.shape}] ends in [${last}], weight and bias are [${shape}]`);
  const [count, length] = [x.shape.slice(0, -axes), last].map(sizeOf);
  return inNameOf("layerNorm", () => {
    const y = reshape(standardize(reshape(x, [count!, length!]), { eps }), x.shape);
    const scaled = scale == null ? y : mul(y, scale);
    return shift == null ? scaled : add(scaled, shift);
  });
}

/**
 * Root mean square normalization: x / √(mean x² + eps) · weight, along the last axis of x. Throws a ShapeError if
 * weight does not have the length of that axis. Like PyTorch's `rms_norm` (Zhang and Sennrich 2019), except for the
 * default of eps, which in PyTorch is that of the dtype.
 *
 * @example
 * const y = rmsNorm(x, weight, { eps: 1e-6 });
 */
export function rmsNorm(input: Operand, weight: Operand, options?: { readonly eps?: number }): Tensor {
  const { eps } = readOptions("rmsNorm", options, { eps: nonNegative }, { eps: 1e-5 });
  const [x, w] = readTensors("rmsNorm", [input, weight]).map((t) => floating(t, "rmsNorm")) as [Tensor, Tensor];
  return applyFusedRead(rmsNormOp, [x, w], { eps })[0]!;
}

/** Moves a running moment, if it is a state, toward the batch's. */
function follow(running: Operand | null | undefined, batch: Tensor, momentum: number, factor: number): void {
  if (running == null || !isState(running)) return;
  const value = readTensor(running, "batchNorm", batch);
  const next = reshape(stopGradient(batch), value.shape);
  running.value = add(mul(value, 1 - momentum), mul(next, momentum * factor));
}
