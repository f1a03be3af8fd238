// Smooth activations composed of existing functions, and those that look along an axis.
import { readTensor } from "../apply.ts";
import { softplus } from "../activations.ts";
import { axisOf, text } from "../axes.ts";
import { abs, add, div, expm1, lessEqual, minimum, mul, neg, sigmoid, sub, tanh, where } from "../elementwise.ts";
import { ArgumentError, ShapeError } from "../errors.ts";
import { composed, ofFloats } from "../formula.ts";
import { softmax } from "../fused/softmax.ts";
import type { Operand } from "../interpreter.ts";
import { inFloats } from "../operands.ts";
import { finite, integer, readOptions } from "../options.ts";
import { span } from "../span.ts";
import type { Tensor } from "../tensor.ts";

/**
 * x where it is positive, α(e^(x/α) − 1) elsewhere: an `elu` whose derivative has no jump (Barron 2017).
 *
 * @example celu(tensor([0, 2]), { alpha: 2 }) // [0, 2]
 */
export function celu(x: Operand, options?: { alpha?: number }): Tensor {
  const { alpha } = readOptions("celu", options, { alpha: finite }, { alpha: 1 });
  if (alpha === 0) throw new ArgumentError("celu: wanted alpha other than 0, got 0");
  const t = inFloats(readTensor(x, "celu"));
  return composed("celu", () => where(lessEqual(0, t), t, mul(expm1(div(minimum(t, 0), alpha)), alpha)));
}

/** log(sigmoid(x)) = −log(1 + e⁻ˣ), without overflow. @example logSigmoid(tensor([-1000])) // [-1000] */
export const logSigmoid: (x: Operand) => Tensor = (x, more?: unknown) =>
  ofFloats("logSigmoid", x, more, (t) => neg(softplus(neg(t))));

/** x·tanh(softplus(x)) (Misra 2019). @example mish(tensor([0])) // [0] */
export const mish: (x: Operand) => Tensor = (x, more?: unknown) =>
  ofFloats("mish", x, more, (t) => mul(t, tanh(softplus(t))));

/** x / (1 + |x|). @example softsign(tensor([-1, 3])) // [-0.5, 0.75] */
export const softsign: (x: Operand) => Tensor = (x, more?: unknown) =>
  ofFloats("softsign", x, more, (t) => div(t, add(abs(t), 1)));

/** x − tanh(x). @example tanhShrink(tensor([0])) // [0] */
export const tanhShrink: (x: Operand) => Tensor = (x, more?: unknown) =>
  ofFloats("tanhShrink", x, more, (t) => sub(t, tanh(t)));

/**
 * A gated linear unit (Dauphin et al. 2017): x is cut into halves a and b along an axis, by default the last, which
 * give a·sigmoid(b).
 *
 * @example glu(tensor([3, 4, 0, 0])) // [1.5, 2]
 */
export function glu(x: Operand, options?: { axis?: number }): Tensor {
  const { axis } = readOptions("glu", options, { axis: integer }, { axis: -1 });
  const t = inFloats(readTensor(x, "glu"));
  const at = axisOf("glu", axis, t.shape);
  const size = t.shape[at]!;
  if (size % 2 !== 0)
    throw new ShapeError(`glu: axis ${at} of shape ${text(t.shape)} has no halves: wanted an even size, got ${size}`);
  const half = size / 2;
  return composed("glu", () => mul(span(t, at, 0, half), sigmoid(span(t, at, half, half))));
}

/**
 * softmax(−x) along an axis, by default the last.
 *
 * @example softmin(tensor([1, 1])) // [0.5, 0.5]
 */
export function softmin(x: Operand, options?: { axis?: number }): Tensor {
  const { axis } = readOptions("softmin", options, { axis: integer }, { axis: -1 });
  return ofFloats("softmin", x, undefined, (t) => softmax(neg(t), { axis }));
}
