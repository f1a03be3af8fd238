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
 * (1 + 2x)·e^(x²)·erfc(x) for x ≥ 0 as a polynomial of t = (x − middle)/(x + middle), which is between −1 and 1 (after M.
 * Shepherd and J. Laframboise, Mathematics of Computation 36, 1981): interpolated at Chebyshev nodes, to the precision
 * of the dtype.
 */
// oxfmt-ignore
const SCALED: Record<"f32" | "f64", Scaled> = {
  f32: { middle: 3, end: 12, coefficients: [
    8.00745497e-5, -9.25376913e-5, -7.3408205e-4, 1.87506025e-3, 2.50677867e-3, -2.37635597e-2, 6.83131967e-2,
    -0.119275281, 0.129644721, -4.75621561e-2, -0.1356211, 1.25300806] },
  f64: { middle: 3.75, end: 30, coefficients: [
    3.2052623379289157e-10, -2.6185201565031448e-9, -3.7981897977362072e-9, 3.1953986120578181e-8,
    2.3398534313040897e-8, -2.4851108650210706e-7, -5.7410760730139157e-8, 1.7419011945194366e-6,
    -9.7338751674941429e-7, -1.1437980374495534e-5, 2.2384138525656756e-5, 5.164649341002877e-5,
    -2.9015404203352704e-4, 2.9371439057885598e-4, 1.7556258434318641e-3, -9.7465796859621716e-3,
    2.8362277420377334e-2, -5.8693398576310613e-2, 9.2304321160258936e-2, -0.10880393014246645,
    8.2276738490149773e-2, 3.5854154854795752e-3, -0.14024059858554701, 1.2375126308378275] },
};

/** e^(a²)·erfc(a) for a ≥ 0. */
function scaledTail<V>(k: Arithmetic<V>, a: V): V {
  const { middle, coefficients } = SCALED[k.dtype === "f64" ? "f64" : "f32"];
  const t = k.sub(k.constant(1), k.div(k.constant(2 * middle), k.add(a, k.constant(middle))));
  return k.div(polynomial(k, t, { center: 0, coefficients }), k.add(k.constant(1), k.mul(k.constant(2), a)));
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
