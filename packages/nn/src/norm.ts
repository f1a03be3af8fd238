// Normalisation: batch statistics while learning, running ones afterwards. Learning means inside `diff`, unless told.
import { stopGradient } from "@weft/autograd";
import {
  add,
  ArgumentError,
  context,
  mean,
  mul,
  readTensor,
  reshape,
  rsqrt,
  ShapeError,
  square,
  standardize,
  sub,
  type Operand,
  type Tensor,
} from "@weft/tensor";
import { isState } from "./parameter.ts";

/** Is a tape recording? What `training` is by default, as in Knet. */
export const recording = (): boolean => context.tape !== undefined;

export interface BatchNormOptions {
  /** Normalise with the batch's own moments (and update the running ones); by default inside `diff`. */
  readonly training?: boolean;
  /** Added to the variance. */
  readonly eps?: number;
  /** How far the running moments move towards the batch's. */
  readonly momentum?: number;
  /** A tensor, or a `state`, which is updated while training. */
  readonly runningMean?: Operand | null;
  /** A tensor, or a `state`, which is updated while training. */
  readonly runningVar?: Operand | null;
}

/**
 * Batch normalisation: (x − mean) / √(var + eps) · weight + bias, for each channel of x `[N, C, …]`.
 *
 * While training, mean and (biased) variance are those of the batch, and a running moment given as a `state` becomes
 * (1 − momentum) · running + momentum · batch, with the unbiased variance; otherwise the running moments are used.
 * Throws a ShapeError if a channel has only one value to learn from. As PyTorch's `batch_norm` (Ioffe and Szegedy 2015).
 *
 * @example
 * const y = batchNorm(x, weight, bias, { runningMean, runningVar });
 */
export function batchNorm(
  input: Operand,
  weight?: Operand | null,
  bias?: Operand | null,
  options: BatchNormOptions = {},
): Tensor {
  const { training = recording(), eps = 1e-5, momentum = 0.1, runningMean, runningVar } = options;
  const x = readTensor(input, "batchNorm");
  if (x.shape.length < 2) throw new ShapeError(`batchNorm: wanted x of shape [N, C, …], got [${x.shape}]`);
  const channels = x.shape[1]!;
  const spread = (v: Operand, what: string): Operand => {
    if (typeof v === "number") return v;
    const { shape } = readTensor(v, "batchNorm");
    if (shape.length !== 1 || shape[0] !== channels)
      throw new ShapeError(`batchNorm: x [${x.shape}] has ${channels} channels, ${what} has the shape [${shape}]`);
    return reshape(
      v,
      x.shape.map((_, axis) => (axis === 1 ? channels : 1)),
    );
  };
  const finish = (centred: Tensor, variance: Operand): Tensor => {
    const scale = rsqrt(add(variance, eps));
    const normal = mul(centred, weight == null ? scale : mul(scale, spread(weight, "weight")));
    return bias == null ? normal : add(normal, spread(bias, "bias"));
  };
  if (!training) {
    if (runningMean == null || runningVar == null)
      throw new ArgumentError("batchNorm: without training it wants runningMean and runningVar");
    return finish(sub(x, spread(runningMean, "runningMean")), spread(runningVar, "runningVar"));
  }
  const count = x.size / channels;
  if (!(count > 1))
    throw new ShapeError(`batchNorm: wanted more than one value a channel while training, got x [${x.shape}]`);
  const axis = x.shape.map((_, k) => k).filter((k) => k !== 1);
  const average = mean(x, { axis, keepDims: true });
  const centred = sub(x, average);
  const variance = mean(square(centred), { axis, keepDims: true });
  follow(runningMean, average, momentum, 1);
  follow(runningVar, variance, momentum, count / (count - 1));
  return finish(centred, variance);
}

export interface LayerNormOptions {
  /** Added to the variance. */
  readonly eps?: number;
  /** How many of the last axes are normalised together: those of weight or bias, else 1. */
  readonly axes?: number;
}

/**
 * Layer normalisation: (x − mean) / √(var + eps) · weight + bias, with the moments of the last axes of x, whose shape
 * weight and bias have. Throws a ShapeError if they have another. As PyTorch's
 * `layer_norm` (Ba, Kiros and Hinton 2016).
 *
 * @example
 * const y = layerNorm(x, weight, bias, { eps: 1e-5 });
 */
export function layerNorm(
  input: Operand,
  weight?: Operand | null,
  bias?: Operand | null,
  options: LayerNormOptions = {},
): Tensor {
  const x = readTensor(input, "layerNorm");
  const shapes = [weight, bias].flatMap((p) =>
    p == null || typeof p === "number" ? [] : [readTensor(p, "layerNorm").shape],
  );
  const { eps = 1e-5, axes = shapes[0]?.length ?? 1 } = options;
  if (!(axes > 0 && axes <= x.shape.length))
    throw new ShapeError(`layerNorm: wanted x with ${axes} axes or more to normalise, got [${x.shape}]`);
  const last = x.shape.slice(-axes);
  for (const shape of shapes)
    if (shape.length !== axes || shape.some((d, k) => d !== last[k]))
      throw new ShapeError(`layerNorm: x [${x.shape}] ends in [${last}], weight and bias are [${shape}]`);
  const rows = standardize(reshape(x, [-1, last.reduce((n, d) => n * d, 1)]), { eps });
  const y = reshape(rows, x.shape);
  const scaled = weight == null ? y : mul(y, weight);
  return bias == null ? scaled : add(scaled, bias);
}

/** Moves a running moment, if it is a state, towards the batch's. */
function follow(running: Operand | null | undefined, batch: Tensor, momentum: number, factor: number): void {
  if (running == null || !isState(running)) return;
  const next = reshape(stopGradient(batch), running.value.shape);
  running.value = add(mul(running.value, 1 - momentum), mul(next, momentum * factor));
}
