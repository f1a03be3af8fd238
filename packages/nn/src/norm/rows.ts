// Normalization of rows: each by its own mean and variance, or by its root mean square alone.
import { ShapeError, add, mul, readTensor, reshape, standardize, type Operand, type Tensor } from "@weft/tensor";
import {
  applyFusedRead,
  finiteNumber,
  inFloats,
  inNameOf,
  placed,
  positiveCount,
  read,
  readOptions,
  rmsNormOp,
  sameShape,
  sizeOf,
  text,
  type OptionKinds,
} from "@weft/tensor/internals";

export interface LayerNormOptions {
  /** Added to the variance. */
  readonly eps?: number;
  /** How many of the last axes are normalized together: those of weight or bias, else 1. */
  readonly axes?: number;
}

const layerNormKinds: OptionKinds<LayerNormOptions> = { eps: finiteNumber, axes: positiveCount };

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
    throw new ShapeError(`layerNorm: wanted x with ${axes} axes or more to normalize, got ${text(x.shape)}`);
  const last = x.shape.slice(-axes);
  for (const shape of shapes)
    if (!sameShape(shape, last))
      throw new ShapeError(`layerNorm: x ${text(x.shape)} ends in ${text(last)}, weight and bias are ${text(shape)}`);
  const [count, length] = [x.shape.slice(0, -axes), last].map(sizeOf);
  return inNameOf("layerNorm", () => {
    const y = reshape(standardize(reshape(x, [count!, length!]), { eps }), x.shape);
    const scaled = scale == null ? y : mul(y, scale);
    return shift == null ? scaled : add(scaled, shift);
  });
}

/**
 * Root mean square normalization: x / √(mean x² + eps) · weight, along the last axis of x, or over as many of its last
 * axes as weight has. Throws a ShapeError if weight does not have their shape. Like PyTorch's `rms_norm` (Zhang and
 * Sennrich 2019), except for the default of eps, which in PyTorch is that of the dtype.
 *
 * @example
 * const y = rmsNorm(x, weight, { eps: 1e-6 });
 */
export function rmsNorm(input: Operand, weight?: Operand | null, options?: LayerNormOptions): Tensor {
  const { eps, axes: given } = readOptions("rmsNorm", options, layerNormKinds, { eps: 1e-5 });
  const x = inFloats(readTensor(input, "rmsNorm", placed([weight])));
  const scale = read(weight ?? 1, "rmsNorm", x);
  const shape = typeof scale === "number" ? undefined : scale.shape;
  const axes = given ?? shape?.length ?? 1;
  if (!(axes > 0 && axes <= x.shape.length))
    throw new ShapeError(`rmsNorm: wanted x with ${axes} axes or more to normalize, got ${text(x.shape)}`);
  const last = x.shape.slice(-axes);
  if (shape !== undefined && !sameShape(shape, last))
    throw new ShapeError(`rmsNorm: x ${text(x.shape)} ends in ${text(last)}, weight is ${text(shape)}`);
  const normalized = (rows: Tensor, row: Tensor): Tensor => applyFusedRead(rmsNormOp, [rows, row], { eps })[0]!;
  return inNameOf("rmsNorm", () => {
    const length = sizeOf(last);
    const row = typeof scale === "number" ? x.backend.full([length], scale, { dtype: x.dtype }) : inFloats(scale);
    if (axes === 1) return normalized(x, row);
    const rows = reshape(x, [sizeOf(x.shape.slice(0, -axes)), length]);
    return reshape(normalized(rows, reshape(row, [length])), x.shape);
  });
}
