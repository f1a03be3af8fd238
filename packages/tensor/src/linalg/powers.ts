// Powers and the exponential of square matrices.
import { alias, applyFused, applyFusedRead, untaped } from "../apply.ts";
import { zerosLike } from "../creation.ts";
import { abs, add, div, less, mul, sub, where } from "../elementwise.ts";
import { composed } from "../formula.ts";
import type { FusedOp } from "../fused.ts";
import type { Operand } from "../interpreter.ts";
import { matmul } from "../linalg.ts";
import { broadcastTo, concat, transpose } from "../movement.ts";
import { inFloats, inNumbers } from "../operands.ts";
import { integer, readValue, refuseMore } from "../options.ts";
import { max, sum } from "../reduce.ts";
import { likeFirst } from "../rules/table.ts";
import type { Tensor } from "../tensor.ts";
import { columnsBetween, rowsBetween, squareOf, unit } from "./matrix.ts";
import { inv, solve } from "./solve.ts";
import { scaleOf } from "./svd.ts";

/**
 * Aⁿ of square matrices, [..., N, N], for an integer n: a product of |n| matrices, of the inverses if n < 0. As
 * `torch.linalg.matrix_power`. Powers of integers from 0 on stay `i32`, as products do.
 *
 * @example matrixPower(tensor([[1, 1], [0, 1]]), 5) // [[1, 5], [0, 1]]
 */
export function matrixPower(a: Operand, n: number): Tensor;
export function matrixPower(a: Operand, n: number, more?: unknown): Tensor {
  refuseMore("matrixPower", more);
  readValue("matrixPower", "n", n, integer);
  const x = squareOf("matrixPower", a, n < 0 ? inFloats : inNumbers);
  return composed("matrixPower", () => {
    if (n === 0) return broadcastTo(unit(x, x.shape.at(-1)!), x.shape);
    let power = n < 0 ? inv(x) : alias(x);
    let result: Tensor | undefined;
    for (let rest = Math.abs(n); rest > 0; rest = Math.floor(rest / 2)) {
      if (rest % 2 === 1) result = result === undefined ? power : matmul(result, power);
      if (rest > 1) power = matmul(power, power);
    }
    return result!;
  });
}

/** The coefficients of the Padé approximant of degree 13, divided by the first. */
const pade = (): number[] => {
  const b = [1];
  for (let k = 0; k < 13; k++) b.push((b[k]! * (13 - k)) / ((26 - k) * (k + 1)));
  return b;
};

/** Up to this norm the approximant is exact to f64 (N. Higham, SIAM J. Matrix Anal. Appl. 26, 2005). */
const NORM = 5.371920351148152;

/** How often a matrix is halved at most: which of the halvings are needed is decided on the device. */
const HALVINGS = 12;

const exponentialOp: FusedOp<undefined> = {
  name: "matrixExp",
  infer: likeFirst("matrixExp"),
  fallback: ([given]) => {
    const n = (given as Tensor).shape.at(-1)!;
    if (n === 0) return [zerosLike(given!)];
    const sums = sum(abs(given!), { axis: -2, keepDims: true });
    const norm = max(sums, { axis: -1, keepDims: true });
    const halved = Array.from({ length: HALVINGS }, (_, i) => less(NORM * 2 ** i, norm));
    const scale = halved.map((needed) => where(needed, 0.5, 1)).reduce((a, b) => mul(a, b));
    const x = mul(given!, scale);
    const one = unit(x, n);
    const all = pade();
    const x2 = matmul(x, x);
    const x4 = matmul(x2, x2);
    const x6 = matmul(x2, x4);
    const powers = (b: readonly number[]): Tensor => add(add(mul(x2, b[0]!), mul(x4, b[1]!)), mul(x6, b[2]!));
    /** Every second term of the series: a polynomial of degree 6 in x². */
    const series = (first: number): Tensor => {
      const b = all.filter((_, i) => i % 2 === first);
      return add(add(mul(one, b[0]!), powers(b.slice(1, 4))), matmul(x6, powers(b.slice(4))));
    };
    const [even, odd] = [series(0), matmul(x, series(1))];
    let y = solve(sub(even, odd), add(even, odd));
    for (const needed of halved) y = where(needed, matmul(y, y), y);
    return [y];
  },
  gradient: (_, [given]) => [
    (g) => {
      const a = transpose(given as Tensor);
      const n = a.shape.at(-1)!;
      const scale = untaped(scaleOf(g));
      // The exponential of [[A, G], [0, A]] has the derivative of that of A in the direction G beside it.
      const top = concat([a, div(g, scale)], { axis: -1 });
      const bottom = concat([zerosLike(a), a], { axis: -1 });
      const whole = applyFused(exponentialOp, [concat([top, bottom], { axis: -2 })], undefined)[0]!;
      return mul(columnsBetween(rowsBetween(whole, 0, n), n, 2 * n), scale);
    },
  ],
};

/**
 * The exponentials Σ Aᵏ / k! of square matrices, [..., N, N]: a Padé approximant of a matrix that is halved until its
 * norm is small, and squared as often. Exact up to a norm (the greatest sum of a column) of 22,000. NaN and infinities
 * give NaN. As `torch.linalg.matrix_exp`.
 *
 * @example matrixExp(tensor([[0, 1], [0, 0]])) // [[1, 1], [0, 1]]
 */
export function matrixExp(a: Operand): Tensor;
export function matrixExp(a: Operand, more?: unknown): Tensor {
  refuseMore("matrixExp", more);
  const x = squareOf("matrixExp", a);
  return composed("matrixExp", () => applyFusedRead(exponentialOp, [x], undefined)[0]!);
}
