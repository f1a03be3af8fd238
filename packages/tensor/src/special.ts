// Special functions, each a formula with a derivative. A bundle has only those that the program names.
import { applyFusedRead, readTensor } from "./apply.ts";
import { exp, mul } from "./elementwise.ts";
import { elementwiseOp, type Arithmetic } from "./expression.ts";
import type { FusedOp } from "./fused.ts";
import type { Operand } from "./interpreter.ts";
import { floating } from "./operands.ts";
import type { Tensor } from "./tensor.ts";

/** A polynomial in x − center, highest coefficient first. */
export interface Series {
  readonly center: number;
  readonly coefficients: readonly number[];
}

/** The value of the polynomial, by Horner's rule. */
export function polynomial<V>(k: Arithmetic<V>, x: V, { center, coefficients: [first, ...rest] }: Series): V {
  const t = k.sub(x, k.constant(center));
  return rest.reduce((sum, c) => k.add(k.mul(sum, t), k.constant(c)), k.constant(first!));
}

interface ErfinvSeries {
  readonly middle: Series;
  readonly tails: readonly { readonly from: number; readonly series: Series }[];
}

/**
 * erfinv(x)/x as polynomials of w = −log(1 − x²) in the middle and of √w in the tails, in the form of M. Giles,
 * "Approximating the erfinv function" (GPU Computing Gems, 2012): interpolated at Chebyshev nodes, to the precision of
 * the dtype.
 */
// oxfmt-ignore
const ERFINV: Record<"f32" | "f64", ErfinvSeries> = {
  f32: {
    middle: { center: 2.5, coefficients: [
      -8.93192597e-9, 2.33359672e-8, 4.68131348e-7, -3.46398527e-6, -4.97241969e-6, 2.18349386e-4, -1.25272639e-3,
      -4.17739288e-3, 0.246640279, 1.50140936] },
    tails: [{ from: 5, series: { center: 3.25, coefficients: [
      8.38618162e-5, -8.36097305e-5, -3.64499689e-4, 1.04912947e-3, -1.68550815e-3, 2.4551983e-3, -3.7515309e-3,
      5.3758141e-3, 1.00525897, 3.0838855] } }],
  },
  f64: {
    middle: { center: 3.125, coefficients: [
      -2.3623696985661074e-22, -1.6787330615256772e-19, 1.1027771591500033e-18, 1.1125794759379465e-17,
      -1.290702354613073e-16, 2.166994626283574e-17, 6.5819553059292389e-15, -4.0554139746886005e-14,
      -8.1065944564384951e-14, 2.6335724924608484e-12, -1.2977505202014967e-11, -5.4154417754696635e-11,
      1.0512202440121784e-9, -4.1126331042976139e-9, -2.9070386660191429e-8, 4.2347877672780653e-7,
      -1.3654691796592068e-6, -1.3882523361276876e-5, 1.8673420802124272e-4, -7.4070253416694011e-4,
      -6.0336708714270113e-3, 0.24015818242558971, 1.6536545626831027] },
    tails: [
      { from: 6.25, series: { center: 3.25, coefficients: [
        -3.8310399460724114e-10, 9.0719505710299225e-8, -2.6860975725571461e-7, 1.8323999881328578e-8,
        1.4958263152984917e-6, -4.0139463981902919e-6, 2.9273722115986926e-6, 1.2475343474376931e-5,
        -4.731952918337189e-5, 6.8284840522929234e-5, 2.4031363245440548e-5, -3.550375186306976e-4,
        9.5328935211181778e-4, -1.6882755561681803e-3, 2.4914420976198812e-3, -3.7512085075638538e-3,
        5.3709145535581983e-3, 1.0052589676941592, 3.0838856104922207] } },
      { from: 16, series: { center: 5.05, coefficients: [
        2.7520836691204881e-11, 9.2511949415921392e-13, -3.8033252304135674e-10, 1.2063669627543007e-9,
        -2.6436500138368198e-9, 5.6299262734725888e-9, -1.1194623916256611e-8, 2.1936003760209299e-8,
        -5.4939464203837239e-8, 2.0157555719899247e-7, -9.0708354710236106e-7, 4.1938630607079796e-6,
        -1.8374536573707361e-5, 7.1240314425355979e-5, -2.0031200664603824e-4, -1.6985809145229863e-4,
        1.0102850175977713, 4.9004210514436403] } },
    ],
  },
};

function inverseErf<V>(k: Arithmetic<V>, x: V): V {
  const { middle, tails } = ERFINV[k.dtype === "f64" ? "f64" : "f32"];
  const one = k.constant(1);
  const w = k.neg(k.log(k.mul(k.sub(one, x), k.add(one, x))));
  const root = k.sqrt(w);
  const ratio = tails.reduce(
    (y, { from, series }) => k.where(k.less(w, k.constant(from)), y, polynomial(k, root, series)),
    polynomial(k, w, middle),
  );
  const end = (at: number, y: V): V => k.where(k.equal(x, k.constant(at)), k.constant(at * Infinity), y);
  return end(1, end(-1, k.mul(x, ratio)));
}

const HALF_ROOT_PI = Math.sqrt(Math.PI) / 2;

const erfinvOp: FusedOp<undefined> = /* @__PURE__ */ elementwiseOp(
  "erfinv",
  (k, x) => inverseErf(k, x!),
  ([y]) => [(g) => mul(g, mul(exp(mul(y!, y!)), HALF_ROOT_PI))],
);

/**
 * The inverse of the error function: erf(erfinv(x)) = x. ±1 give ±∞, and values beyond them NaN.
 *
 * @example erfinv(tensor([0, 0.5, 1], { dtype: "f64" })) // [0, 0.4769362762044699, Infinity]
 */
export const erfinv = (x: Operand): Tensor =>
  applyFusedRead(erfinvOp, [floating(readTensor(x, "erfinv"), "erfinv")], undefined)[0]!;
