// The complement of the error function, also where it is too small for 1 − erf(x) to show it.
import { div, exp, less, maximum, minimum, mul, neg, sub, where } from "../elementwise.ts";
import { square } from "../activations.ts";
import { elementwiseOp, type Arithmetic } from "../expression.ts";
import { formula } from "../formula.ts";
import type { FusedOp } from "../fused.ts";
import type { Operand } from "../interpreter.ts";
import { polynomial } from "../special.ts";
import type { Tensor } from "../tensor.ts";

interface Scaled {
  /** The x at which t is 0. */
  readonly middle: number;
  /** Beyond it e^(−x²) is 0, and e^(x²) infinite. */
  readonly end: number;
  readonly coefficients: readonly number[];
}

/**
 * ((1 + 2x)·e^(x²)·erfc(x) − 1)/s for x ≥ 0, s = 2x/(x + middle), as a polynomial of s − 1, which is between −1 and 1 (after
 * M. Shepherd and J. Laframboise, Mathematics of Computation 36, 1981): interpolated at Chebyshev nodes, to the precision
 * of the dtype. As s is 0 at 0, the result there is exactly 1.
 */
// oxfmt-ignore
const SCALED: Record<"f32" | "f64", Scaled> = {
  f32: { middle: 3, end: 12, coefficients: [
    8.00745497e-5, -1.72612241e-4, -5.61469809e-4, 2.43653006e-3, 7.0248611e-5, -2.38338083e-2, 9.2147005e-2,
    -0.211422286, 0.341067007, -0.388629163, 0.253008063] },
  f64: { middle: 3.75, end: 30, coefficients: [
    3.2052623379289157e-10, -2.9390463902960363e-9, -8.591434074401709e-10, 3.281312952801835e-8,
    -9.414595214977455e-9, -2.390964912871296e-7, 1.8168573055699045e-7, 1.5602154639624463e-6,
    -2.5336029807118605e-6, -8.904377393783673e-6, 3.128851591944043e-5, 2.035797749058834e-5,
    -3.105120195241154e-4, 6.042264101029714e-4, 1.1513994333288927e-3, -1.0897979119291063e-2,
    3.92602565396684e-2, -9.7953655115979e-2, 0.19025797627623794, -0.2990619064187044,
    0.38133864490885416, -0.3777532294233746, 0.2375126308378276] },
};

/** e^(a²)·erfc(a) for a ≥ 0. */
function scaledTail<V>(k: Arithmetic<V>, a: V): V {
  const { middle, coefficients } = SCALED[k.dtype === "f64" ? "f64" : "f32"];
  const one = k.constant(1);
  const near = k.minimum(a, k.constant(1e20)); // infinity would give NaN
  const s = k.div(k.mul(k.constant(2), near), k.add(near, k.constant(middle)));
  const rest = k.mul(s, polynomial(k, s, { center: 1, coefficients }));
  return k.div(k.add(one, rest), k.add(one, k.mul(k.constant(2), a)));
}

/**
 * e^(±x²) with all digits. The rounding error of x² would be multiplied by it, so x is cut into a part with an exact
 * square and a rest.
 */
function gaussian<V>(k: Arithmetic<V>, x: V, sign: 1 | -1): V {
  const { end } = SCALED[k.dtype === "f64" ? "f64" : "f32"];
  const a = k.minimum(k.abs(x), k.constant(end));
  const high = k.mul(k.round(k.mul(a, k.constant(16))), k.constant(1 / 16));
  const rest = k.mul(k.sub(a, high), k.add(a, high));
  const signed = (v: V): V => (sign > 0 ? v : k.neg(v));
  return k.mul(k.exp(signed(k.mul(high, high))), k.exp(signed(rest)));
}

const bothSides = <V>(k: Arithmetic<V>, x: V, right: V, twice: V): V =>
  k.where(k.less(x, k.constant(0)), k.sub(twice, right), right);

/** 2/√π */
const SLOPE = 1.1283791670955126;

const erfcOp: FusedOp<undefined> = /* @__PURE__ */ elementwiseOp(
  "erfc",
  (k, x) => bothSides(k, x!, k.mul(gaussian(k, x!, -1), scaledTail(k, k.abs(x!))), k.constant(2)),
  (_, [x]) => [(g) => mul(g, mul(exp(neg(square(x!))), -SLOPE))],
);

/**
 * 1 − erf(x), with all digits where it is tiny.
 *
 * @example erfc(tensor([0, 5], { dtype: "f64" })) // [1, 1.5374597944280347e-12]
 */
export const erfc: (x: Operand) => Tensor = (x, more?: unknown) => formula(erfcOp, [x], more);

/**
 * The derivative of erfcx, 2x·erfcx(x) − 2/√π. Far to the right the two terms are almost equal, and its asymptotic series
 * takes over: −1/(√π·x²)·(1 − 3/(2x²) + 15/(4x⁴) − …).
 */
function scaledSlope(x: Operand, y: Tensor): Tensor {
  const from = y.dtype === "f64" ? 24 : 6;
  const u = square(div(1, maximum(x, from)));
  let series: Operand = 1;
  for (let k = 5; k > 0; k--) series = sub(1, mul(mul(u, k + 0.5), series));
  const near = sub(mul(mul(minimum(x, from), y), 2), SLOPE);
  return where(less(from, x), mul(mul(u, -SLOPE / 2), series), near);
}

const erfcxOp: FusedOp<undefined> = /* @__PURE__ */ elementwiseOp(
  "erfcx",
  (k, x) => bothSides(k, x!, scaledTail(k, k.abs(x!)), k.mul(k.constant(2), gaussian(k, x!, 1))),
  ([y], [x]) => [(g) => mul(g, scaledSlope(x!, y!))],
);

/**
 * e^(x²)·erfc(x), which decays like 1/x.
 *
 * @example erfcx(tensor([0, Infinity], { dtype: "f64" })) // [1, 0]
 */
export const erfcx: (x: Operand) => Tensor = (x, more?: unknown) => formula(erfcxOp, [x], more);
