// Activations with kinks: straight lines that meet at thresholds. On a threshold they have the derivative that PyTorch
// gives.
import { readTensor, readTensors } from "../apply.ts";
import { text } from "../axes.ts";
import { abs, add, less, lessEqual, mul, sub, where } from "../elementwise.ts";
import { ShapeError } from "../errors.ts";
import { composed, ofFloats } from "../formula.ts";
import type { Operand } from "../interpreter.ts";
import { reshape } from "../movement.ts";
import { inFloats, inNumbers } from "../operands.ts";
import { anyNumber, finite, nonNegative, readOptions, refuseMore } from "../options.ts";
import type { Tensor } from "../tensor.ts";

/** x between two numbers, of which `max` wins; on them, as beyond them, the derivative is 0. */
const limited = (x: Tensor, min: number, max: number): Tensor =>
  where(lessEqual(x, min), Math.min(min, max), where(lessEqual(max, x), max, x));

/**
 * x limited to [min, max], by default [−1, 1]. The derivative is 1 between the limits, and 0 on them (`clamp`: 1). Limits
 * of integers lose their fractions.
 *
 * @example hardTanh(tensor([-3, 0.5, 2])) // [-1, 0.5, 1]
 */
export function hardTanh(x: Operand, options?: { min?: number; max?: number }): Tensor {
  const { min, max } = readOptions("hardTanh", options, { min: anyNumber, max: anyNumber }, { min: -1, max: 1 });
  const t = inNumbers(readTensor(x, "hardTanh"));
  const limit = t.dtype === "i32" ? Math.trunc : Number;
  return composed("hardTanh", () => limited(t, limit(min), limit(max)));
}

/** x limited to [0, 6]; the derivative is 0 at both ends. @example relu6(tensor([-1, 2, 8])) // [0, 2, 6] */
export function relu6(x: Operand): Tensor;
export function relu6(x: Operand, more?: unknown): Tensor {
  refuseMore("relu6", more);
  const t = inNumbers(readTensor(x, "relu6"));
  return composed("relu6", () => limited(t, 0, 6));
}

/**
 * x where it is positive, weight·x elsewhere (He et al. 2015). The weight is one number, or one per channel: per
 * position on axis 1 of x.
 *
 * @example prelu(tensor([[-4, -4, 2]]), tensor([0.25, 0.5, 0.5])) // [[-1, -2, 2]]
 */
export function prelu(x: Operand, weight: Operand): Tensor {
  const bent = (t: Tensor, slope: Operand): Tensor => where(less(0, t), t, mul(t, slope));
  if (typeof weight === "number") return ofFloats("prelu", x, undefined, (t) => bent(t, weight));
  const [given, w] = readTensors("prelu", [x, weight]);
  const t = inFloats(given);
  const channels = t.shape[1] ?? 1;
  if (w.shape.length > 1 || (w.size !== 1 && w.size !== channels))
    throw new ShapeError(
      `prelu: the weight has shape ${text(w.shape)}; wanted one number, or [${channels}], one per channel (axis 1) of x with shape ${text(t.shape)}`,
    );
  const across = t.shape.map((_, i) => (i === 1 ? w.size : 1));
  return composed("prelu", () => bent(t, reshape(w, across)));
}

/**
 * x where it is greater than `threshold`, `value` elsewhere; both are 0 by default. NaN stays.
 *
 * @example threshold(tensor([0.5, 2]), { threshold: 1, value: -1 }) // [-1, 2]
 */
export function threshold(x: Operand, options?: { threshold?: number; value?: number }): Tensor {
  const kinds = { threshold: anyNumber, value: anyNumber };
  const { threshold: from, value } = readOptions("threshold", options, kinds, { threshold: 0, value: 0 });
  const t = inNumbers(readTensor(x, "threshold"));
  // An integer is at most a number if it is at most its floor.
  const limit = t.dtype === "i32" ? Math.floor(from) : from;
  return composed("threshold", () => where(lessEqual(t, limit), value, t));
}

/**
 * x moved toward 0 by `lambda`, and 0 where |x| is at most that.
 *
 * @example softShrink(tensor([-2, 0.25, 2])) // [-1.5, 0, 1.5]
 */
export function softShrink(x: Operand, options?: { lambda?: number }): Tensor {
  const { lambda } = readOptions("softShrink", options, { lambda: nonNegative }, { lambda: 0.5 });
  const t = inFloats(readTensor(x, "softShrink"));
  return composed("softShrink", () => {
    const moved = where(less(0, t), sub(t, lambda), add(t, lambda));
    return where(lessEqual(abs(t), lambda), 0, moved);
  });
}

/**
 * x, but 0 where |x| is at most `lambda`.
 *
 * @example hardShrink(tensor([-2, 0.25, 2])) // [-2, 0, 2]
 */
export function hardShrink(x: Operand, options?: { lambda?: number }): Tensor {
  const { lambda } = readOptions("hardShrink", options, { lambda: finite }, { lambda: 0.5 });
  const t = inFloats(readTensor(x, "hardShrink"));
  return composed("hardShrink", () => where(lessEqual(abs(t), lambda), 0, t));
}
