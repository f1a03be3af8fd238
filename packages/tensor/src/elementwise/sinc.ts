// The function sin(πx)/(πx) and its derivatives of all orders.
import { mul } from "../elementwise.ts";
import { elementwiseOp, type Arithmetic } from "../expression.ts";
import { formula } from "../formula.ts";
import type { FusedOp } from "../fused.ts";
import type { Operand } from "../interpreter.ts";
import { polynomial } from "../special.ts";
import type { Tensor } from "../tensor.ts";
import { cosine, sine } from "./angles.ts";

/** Enough terms for |x| < ½ in double precision. */
const TERMS = 23;

/** The coefficients of Σ (−1)ⁱ(πx)²ⁱ/(2i + 1)!, differentiated `order` times; the highest power first. */
function series(order: number): number[] {
  let c = 1;
  let coefficients = Array.from({ length: TERMS + order }, (_, n) => {
    if (n === 0) return 1;
    c *= Math.PI / (n + 1);
    return n % 2 === 1 ? 0 : n % 4 === 0 ? c : -c;
  });
  for (let d = 0; d < order; d++) coefficients = coefficients.map((a, n) => a * n).slice(1);
  return coefficients.toReversed();
}

/** From x·s = sin(πx)/π, differentiated `order` times: x·s⁽ⁿ⁾ + n·s⁽ⁿ⁻¹⁾ is a sine or a cosine. */
function derivative<V>(k: Arithmetic<V>, x: V, order: number): V {
  const wave = order % 2 === 0 ? sine(k, x, 1) : cosine(k, x, 1);
  const size = Math.PI ** (order - 1) * (order % 4 < 2 ? 1 : -1);
  const whole = k.mul(wave, k.constant(size));
  return k.div(order === 0 ? whole : k.sub(whole, k.mul(derivative(k, x, order - 1), k.constant(order))), x);
}

const ops: FusedOp<undefined>[] = [];

/** The operation of the derivative of an order. */
const sincOp = (order: number): FusedOp<undefined> =>
  (ops[order] ??= elementwiseOp(
    ["sinc", "cosc"][order] ?? `sinc${"'".repeat(order)}`,
    (k, x) => {
      const near = k.less(k.abs(x!), k.constant(0.5));
      const small = polynomial(k, x!, { center: 0, coefficients: series(order) });
      return k.where(near, small, derivative(k, k.where(near, k.constant(1), x!), order));
    },
    (_, [x]) => [(g) => mul(g, formula(sincOp(order + 1), [x!]))],
  ));

/** sin(πx) / (πx), and 1 at 0. @example sinc(tensor([0, 1, 2.5], { dtype: "f64" })) // [1, 0, 0.12732395447351627] */
export const sinc: (x: Operand) => Tensor = (x, more?: unknown) => formula(sincOp(0), [x], more);

/** The derivative of `sinc`, cos(πx)/x − sin(πx)/(πx²), and 0 at 0. @example cosc(tensor([0, 1])) // [0, -1] */
export const cosc: (x: Operand) => Tensor = (x, more?: unknown) => formula(sincOp(1), [x], more);
