// The logarithm of the gamma function and its derivatives.
import { mul } from "../elementwise.ts";
import { elementwiseOp, type Arithmetic } from "../expression.ts";
import { formula } from "../formula.ts";
import type { FusedOp } from "../fused.ts";
import type { Operand } from "../interpreter.ts";
import { count, readValue, type OptionKind } from "../options.ts";
import { polynomial } from "../special.ts";
import type { Tensor } from "../tensor.ts";

/** The Bernoulli numbers B2, B4, … */
const BERNOULLI = [
  1 / 6,
  -1 / 30,
  1 / 42,
  -1 / 30,
  5 / 66,
  -691 / 2730,
  7 / 6,
  -3617 / 510,
  43867 / 798,
  -174611 / 330,
];

/** ζ(n) − 1 for n = 2, 3, … */
// oxfmt-ignore
const ZETA = [
  0.64493406684822644, 0.20205690315959429, 8.2323233711138192e-2, 3.6927755143369926e-2, 1.734306198444914e-2,
  8.3492773819228268e-3, 4.0773561979443394e-3, 2.0083928260822144e-3, 9.9457512781808534e-4, 4.9418860411946456e-4,
  2.460865533080483e-4, 1.2271334757848915e-4, 6.1248135058704829e-5, 3.0588236307020494e-5, 1.5282259408651872e-5,
  7.6371976378997623e-6, 3.8172932649998399e-6, 1.9082127165539389e-6, 9.5396203387279611e-7, 4.7693298678780646e-7,
  2.3845050272773299e-7, 1.1921992596531107e-7, 5.960818905125948e-8, 2.980350351465228e-8, 1.4901554828365041e-8,
  7.4507117898354295e-9, 3.7253340247884571e-9, 1.862659723513049e-9,
];

/** 1 − γ, the derivative of log Γ at 2. */
const SLOPE_AT_2 = 0.42278433509846714;
const HALF_LOG_2_PI = 0.91893853320467274;

/** How many terms of each series a dtype needs, and from where Stirling's series is used. */
const PRECISION = {
  f32: { taylor: 12, stirling: 5, from: 3, shift: 5 },
  f64: { taylor: 28, stirling: 10, from: 8, shift: 10 },
};

const precision = <V>({ dtype }: Arithmetic<V>) => PRECISION[dtype === "f64" ? "f64" : "f32"];

/** Highest power first, as `polynomial` takes them. */
const series = (ascending: readonly number[]) => ({ center: 0, coefficients: ascending.toReversed() });

/** (x − ½)(log x − 1) − ½ + ½ log 2π + Σ B₂ₙ / (2n(2n − 1)x²ⁿ⁻¹), for large x. */
function stirling<V>(k: Arithmetic<V>, x: V): V {
  const terms = BERNOULLI.slice(0, precision(k).stirling).map((b, i) => b / ((2 * i + 2) * (2 * i + 1)));
  const w = k.div(k.constant(1), x);
  const rest = k.mul(polynomial(k, k.mul(w, w), series(terms)), w);
  const leading = k.mul(k.sub(x, k.constant(0.5)), k.sub(k.log(x), k.constant(1)));
  return k.add(leading, k.add(rest, k.constant(HALF_LOG_2_PI - 0.5)));
}

/**
 * log |Γ(x)| for x above −½. Below Stirling's range x is an integer m plus u in [−½, ½], log Γ(2 + u) is a Taylor series
 * that is 0 at u = 0, and the product of what lies between 2 + u and x does the rest: so no digits are lost around 1
 * and 2, where log Γ is 0.
 */
function logGammaRight<V>(k: Arithmetic<V>, x: V): V {
  const { taylor, from } = precision(k);
  const [one, two] = [k.constant(1), k.constant(2)];
  const m = k.minimum(k.round(x), k.constant(from));
  const u = k.sub(x, m);
  const coefficients = [SLOPE_AT_2, ...ZETA.slice(0, taylor - 1).map((z, i) => ((i % 2 === 0 ? 1 : -1) * z) / (i + 2))];
  const near2 = k.mul(u, polynomial(k, u, series(coefficients)));
  const below = k.where(k.less(m, one), k.mul(x, k.add(x, one)), x);
  let above = k.add(two, u);
  for (let j = 3; j < from; j++)
    above = k.where(k.less(k.constant(j), m), k.mul(above, k.add(k.constant(j), u)), above);
  const product = k.log(k.abs(k.where(k.less(m, two), below, above)));
  const away = k.where(k.equal(m, two), k.constant(0), k.where(k.less(m, two), k.neg(product), product));
  return k.where(k.less(k.constant(from + 0.5), x), stirling(k, x), k.add(near2, away));
}

/** x minus the nearest integer, exact: where it is 0, gamma has a pole left of ½. */
const offset = <V>(k: Arithmetic<V>, x: V): V => k.sub(x, k.round(x));

/** Left of −½ by Γ(x)Γ(1 − x) = π / sin(πx). */
function logGamma<V>(k: Arithmetic<V>, x: V): V {
  const [one, endless] = [k.constant(1), k.constant(Infinity)];
  const left = k.less(x, k.constant(-0.5));
  const right = logGammaRight(k, k.where(left, k.sub(one, x), x));
  const r = offset(k, x);
  const sine = k.abs(k.sin(k.mul(r, k.constant(Math.PI))));
  const reflected = k.sub(k.sub(k.constant(Math.log(Math.PI)), k.log(sine)), right);
  const pole = k.and(k.lessEqual(x, k.constant(0)), k.or(k.equal(r, k.constant(0)), k.equal(x, k.constant(-Infinity))));
  const end = k.or(pole, k.equal(x, endless));
  return k.where(end, endless, k.where(left, reflected, right));
}

const lgammaOp: FusedOp<undefined> = /* @__PURE__ */ elementwiseOp(
  "lgamma",
  (k, x) => logGamma(k, x!),
  (_, [x]) => [(g) => mul(g, digamma(x!))],
);

/**
 * log |Γ(x)|, ∞ at 0, −1, −2, …; its derivative is `digamma`. Where it is 0 for negative x, only the absolute error is
 * small.
 *
 * @example lgamma(tensor([1, 2, 0])) // [0, 0, Infinity]
 */
export const lgamma: (x: Operand) => Tensor = (x, more?: unknown) => formula(lgammaOp, [x], more);

const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));

/** xⁿ for a small whole n ≥ 0. */
const power = <V>(k: Arithmetic<V>, x: V, n: number): V =>
  Array.from({ length: n }).reduce((y: V) => k.mul(y, x), k.constant(1));

/**
 * ψ⁽ⁿ⁾(x) over (−1)ⁿ⁺¹n! for x > 0, which for n > 0 is Hurwitz's ζ(n + 1, x): some terms of Σ 1/(x + j)ⁿ⁺¹, and the
 * others by the Euler–Maclaurin formula.
 */
function hurwitz<V>(k: Arithmetic<V>, n: number, x: V): V {
  const { stirling: terms, shift } = precision(k);
  const one = k.constant(1);
  const steps = shift + n;
  const z = k.add(x, k.constant(steps));
  const w = k.div(one, z);
  const coefficients = BERNOULLI.slice(0, terms).map((b, i) => {
    let c = b / (2 * i + 2); // B₂ₘ(2m + n − 1)! / ((2m)! n!)
    for (let j = 1; j <= n; j++) c *= (2 * i + 1 + j) / j;
    return c;
  });
  const w2 = k.mul(w, w);
  const tail = k.add(k.mul(k.constant(0.5), w), k.mul(w2, polynomial(k, w2, series(coefficients))));
  const first = n === 0 ? k.neg(k.log(z)) : k.constant(1 / n);
  let sum = k.mul(power(k, w, n), k.add(first, tail));
  for (let j = steps - 1; j >= 0; j--)
    sum = k.add(sum, power(k, k.div(one, j === 0 ? x : k.add(x, k.constant(j))), n + 1));
  return sum;
}

/** The n-th derivative of the cotangent as a polynomial of it: each derivative is p′(c) times −(1 + c²). */
function cotangentDerivative(n: number): number[] {
  let p = [0, 1];
  for (let i = 0; i < n; i++) {
    const slope = p.slice(1).map((a, j) => -a * (j + 1));
    p = Array.from({ length: p.length + 1 }, (_, j) => (slope[j] ?? 0) + (slope[j - 2] ?? 0));
  }
  return p;
}

/** Left of 0 by ψ⁽ⁿ⁾(x) = (−1)ⁿψ⁽ⁿ⁾(1 − x) − πⁿ⁺¹cot⁽ⁿ⁾(πx). */
function polygammaOf<V>(k: Arithmetic<V>, n: number, x: V): V {
  const zero = k.constant(0);
  const left = k.less(x, zero);
  const sign = n % 2 === 0 ? -1 : 1;
  const right = hurwitz(k, n, k.where(left, k.sub(k.constant(1), x), x));
  const scaled = k.mul(right, k.constant(sign * factorial(n)));
  const r = offset(k, x);
  const whole = k.equal(r, zero);
  const cotangent = k.div(k.constant(1), k.tan(k.mul(k.where(whole, k.constant(0.25), r), k.constant(Math.PI))));
  const wave = k.mul(polynomial(k, cotangent, series(cotangentDerivative(n))), k.constant(Math.PI ** (n + 1)));
  const reflected = k.sub(k.mul(scaled, k.constant(-sign)), wave);
  const pole = k.constant(n === 0 ? NaN : sign * Infinity);
  return k.where(left, k.where(whole, pole, reflected), scaled);
}

const ops: FusedOp<undefined>[] = [];

/** The operation of an order. */
const polygammaOp = (n: number): FusedOp<undefined> =>
  (ops[n] ??= elementwiseOp(
    n === 0 ? "digamma" : "polygamma",
    (k, x) => polygammaOf(k, n, x!),
    (_, [x]) => [(g) => mul(g, formula(polygammaOp(n + 1), [x!]))],
  ));

/**
 * The derivative of `lgamma`, ψ(x) = Γ′(x)/Γ(x). It is ∓∞ at ±0 and NaN at negative integers.
 *
 * @example digamma(tensor([1, 2], { dtype: "f64" })) // [-0.5772156649015329, 0.42278433509846714]
 */
export const digamma: (x: Operand) => Tensor = (x, more?: unknown) => formula(polygammaOp(0), [x], more);

const order: OptionKind<number> = {
  wanted: "an integer from 0 to 32", // n! is part of the result, and two derivatives further f32 ends
  is: (x): x is number => count.is(x) && x <= 32,
};

/**
 * The n-th derivative of `digamma`, for an integer n from 0 to 32; 1 gives the trigamma function. For n > 0 it is infinite at 0,
 * −1, −2, …
 *
 * @example polygamma(1, tensor([1], { dtype: "f64" })) // [1.6449340668482264]
 */
export function polygamma(n: number, x: Operand): Tensor;
export function polygamma(n: number, x: Operand, more?: unknown): Tensor {
  return formula(polygammaOp(readValue("polygamma", "n", n, order)), [x], more);
}
