// Elementwise functions composed of primitives. The formulas are chosen so that derivatives of every order are correct
// and finite at the special points, too: a branch that is not taken must be finite, and branches must not tie where
// they meet.
import { resultOf } from "./scope.ts";
import { alias, placed, read, readTensor } from "./apply.ts";
import { inNameOf } from "./context.ts";
import { add, div, equal, erf, exp, expm1, less, lessEqual, log1p, mul, neg } from "./elementwise.ts";
import { isNaN, not, or, relu, sigmoid, sqrt, tanh, where } from "./elementwise.ts";
import { isFloat } from "./dtype.ts";
import type { Operand, Value } from "./interpreter.ts";
import { floats, withNumber } from "./operands.ts";
import { anyNumber, anything, finite, oneOf, readOptions, refuseMore } from "./options.ts";
import type { Tensor } from "./tensor.ts";

/** x². @example square(tensor([1, -3])) // [1, 9] */
export function square(x: Operand): Tensor;
export function square(x: Operand, more?: unknown): Tensor {
  refuseMore("square", more);
  const t = readTensor(x, "square");
  return mul(t, t);
}

/** 1 / √x. @example rsqrt(tensor([4])) // [0.5] */
export const rsqrt: (x: Operand) => Tensor = (x, more?: unknown) => div(1, sqrt(floats(x, "rsqrt", more)));

/** 1 / x. @example reciprocal(tensor([4])) // [0.25] */
export const reciprocal: (x: Operand) => Tensor = (x, more?: unknown) => div(1, floats(x, "reciprocal", more));

/**
 * x where it is positive, `negativeSlope`·x elsewhere.
 *
 * @example leakyRelu(tensor([-10, 2]), { negativeSlope: 0.5 }) // [-5, 2]
 */
export function leakyRelu(x: Operand, options?: { negativeSlope?: number }): Tensor {
  const { negativeSlope } = readOptions("leakyRelu", options, { negativeSlope: finite }, { negativeSlope: 0.01 });
  const t = floats(x, "leakyRelu");
  return where(less(0, t), t, mul(t, negativeSlope));
}

/**
 * x where it is positive, α(eˣ − 1) elsewhere (Clevert et al. 2016).
 *
 * @example elu(tensor([0, 2])) // [0, 2]
 */
export function elu(x: Operand, options?: { alpha?: number }): Tensor {
  const { alpha } = readOptions("elu", options, { alpha: finite }, { alpha: 1 });
  const t = floats(x, "elu");
  const above = less(0, t);
  return where(above, t, mul(expm1(where(above, 0, t)), alpha));
}

/**
 * λ·elu(x, α) with the constants that preserve mean and variance (Klambauer et al. 2017).
 *
 * @example selu(tensor([0])) // [0]
 */
export const selu: (x: Operand) => Tensor = (x, more?: unknown) =>
  mul(elu(floats(x, "selu", more), { alpha: 1.6732632423543772 }), 1.0507009873554805);

/** √(2/π) */
const ROOT_2_PI = 0.7978845608028654;

/**
 * x·Φ(x), Φ the normal distribution function: ½x(1 + erf(x/√2)). With `approximate: "tanh"` the form of Hendrycks and
 * Gimpel (2016), ½x(1 + tanh(√(2/π)(x + 0.044715x³))), which differs by at most 5e-4.
 *
 * @example gelu(tensor([0])) // [0]
 */
export function gelu(x: Operand, options?: { approximate?: "none" | "tanh" }): Tensor {
  const kinds = { approximate: oneOf("none", "tanh") };
  const { approximate } = readOptions("gelu", options, kinds, { approximate: "none" });
  const t = floats(x, "gelu");
  const side =
    approximate === "tanh"
      ? tanh(mul(t, add(mul(square(t), 0.044715 * ROOT_2_PI), ROOT_2_PI)))
      : erf(mul(t, Math.SQRT1_2));
  return mul(mul(t, 0.5), add(side, 1));
}

/** x·sigmoid(x), also called swish. @example silu(tensor([0])) // [0] */
export function silu(x: Operand): Tensor;
export function silu(x: Operand, more?: unknown): Tensor {
  const t = floats(x, "silu", more);
  return mul(t, sigmoid(t));
}

/**
 * log(1 + e^(βx)) / β, without overflow; β is 1 by default. Where βx is greater than `threshold` it is x; that is
 * never, by default (PyTorch: above 20).
 *
 * @example softplus(tensor([1000])) // [1000]
 */
export function softplus(x: Operand, options?: { beta?: number; threshold?: number }): Tensor {
  const kinds = { beta: finite, threshold: anyNumber };
  const { beta, threshold } = readOptions("softplus", options, kinds, { beta: 1, threshold: Infinity });
  const given = floats(x, "softplus");
  const t = beta === 1 ? given : mul(given, beta);
  // −|x|, written so that at 0 both terms take the same side: relu' = 0 there and log1p(exp(x))' = ½.
  let y = add(relu(t), log1p(exp(where(less(0, t), neg(t), t))));
  if (beta !== 1) y = div(y, beta);
  return threshold < Infinity ? where(less(threshold, t), given, y) : y;
}

/**
 * x/6 + ½ limited to [0, 1]; the derivative is 0 at both ends.
 *
 * @example hardSigmoid(tensor([-3, 0, 3])) // [0, 0.5, 1]
 */
export function hardSigmoid(x: Operand): Tensor;
export function hardSigmoid(x: Operand, more?: unknown): Tensor {
  const t = floats(x, "hardSigmoid", more);
  return where(lessEqual(3, t), 1, where(lessEqual(t, -3), 0, add(div(t, 6), 0.5)));
}

/** x·hardSigmoid(x). @example hardSwish(tensor([-3, 0, 3])) // [0, 0, 3] */
export function hardSwish(x: Operand): Tensor;
export function hardSwish(x: Operand, more?: unknown): Tensor {
  const t = floats(x, "hardSwish", more);
  return mul(t, hardSigmoid(t));
}

/** a ≠ b, as `bool`. @example notEqual(tensor([1, 2]), 2) // [1, 0] */
export const notEqual = (a: Operand, b: Operand): Tensor => inNameOf("notEqual", () => not(equal(a, b)));

/** a > b, as `bool`. @example greater(tensor([1, 2]), 1) // [0, 1] */
export const greater = (a: Operand, b: Operand): Tensor => inNameOf("greater", () => less(b, a));

/** a ≥ b, as `bool`. @example greaterEqual(tensor([0, 1, 2]), 1) // [0, 1, 1] */
export const greaterEqual = (a: Operand, b: Operand): Tensor => inNameOf("greaterEqual", () => lessEqual(b, a));

/**
 * The nearest f32 not below (`up` 1) or not above (-1) a number: comparing an f32 with it is comparing with the number.
 */
function bound(x: Value, limit: Value, up: 1 | -1): Value {
  if (typeof limit !== "number" || typeof x === "number" || x.dtype !== "f32") return limit;
  const near = Math.fround(limit);
  if ((limit - near) * up <= 0) return near;
  const bits = new Int32Array(Float32Array.of(near).buffer);
  bits[0]! += near * up > 0 ? 1 : near === 0 ? (up > 0 ? 1 : -0x7fffffff) : -1;
  return new Float32Array(bits.buffer)[0]!;
}

/** The limit where x passes it or where the limit is NaN; x elsewhere. */
function limited(x: Value, passes: Tensor, near: Value): Tensor {
  if (typeof near === "number") return where(Number.isNaN(near) ? or(passes, 1) : passes, near, x);
  return where(isFloat(near.dtype) ? or(passes, isNaN(near)) : passes, near, x);
}

/**
 * x limited to two bounds, each a number or a tensor. NaN stays NaN, and so does a bound that is NaN. Between the
 * bounds and on them the gradient reaches x. A number is compared exactly, not rounded to f32.
 *
 * @example clamp(tensor([-2, 0, 2]), { min: -1, max: 1 }) // [-1, 0, 1]
 */
export function clamp(x: Operand, bounds: { min?: Operand; max?: Operand }): Tensor {
  const { min, max } = readOptions<typeof bounds, object>("clamp", bounds, { min: anything, max: anything }, {});
  const given = readTensor(x, "clamp", placed([min, max]));
  const [low, high] = [min, max].map((limit) => (limit === undefined ? limit : read(limit, "clamp", given)));
  for (const limit of [low, high]) if (typeof limit === "number") withNumber("clamp", given.dtype, limit);
  return inNameOf("clamp", () =>
    resultOf(() => {
      let t = given;
      if (low !== undefined) t = limited(t, less(t, bound(t, low, 1)), low);
      if (high !== undefined) t = limited(t, less(bound(t, high, -1), t), high);
      return t === given ? alias(t) : t;
    }),
  );
}
