// Determinants, by the LU decomposition.
import { applyFusedRead } from "../apply.ts";
import { clamp, notEqual } from "../activations.ts";
import { triu } from "../arrangement.ts";
import {
  abs,
  and,
  div,
  equal,
  isFinite,
  less,
  log,
  maximum,
  mul,
  neg,
  round,
  sign,
  sub,
  where,
} from "../elementwise.ts";
import { exp2, log2 } from "../elementwise/exponentials.ts";
import { filled } from "../filled.ts";
import { composed } from "../formula.ts";
import type { FusedOp } from "../fused.ts";
import type { Operand } from "../interpreter.ts";
import { matrixKernel } from "../matrix-run.ts";
import { broadcastTo, concat, transpose, unsqueeze } from "../movement.ts";
import { refuseMore } from "../options.ts";
import { argsort, cumsum, max, sum } from "../reduce.ts";
import { likeFirst, tensorAt } from "../rules/table.ts";
import { prod } from "../statistics.ts";
import type { Tensor } from "../tensor.ts";
import { factors } from "./lu.ts";
import { columnsBetween, diagonalOf, lineNumbers, rowsInOrder, rowsBetween, squareOf, unit } from "./matrix.ts";
import { substitute } from "./triangular.ts";

/**
 * det(L) · L⁻¹ for lower triangles L: substitution that multiplies the other rows by the pivot where it would divide its
 * own row by it, so that the pivot may be 0.
 */
const triangularAdjugateOp: FusedOp<undefined> = {
  name: "triangularAdjugate",
  infer: likeFirst("triangularAdjugate"),
  fallback: ([given]) => {
    const l = given as Tensor;
    const n = l.shape.at(-1)!;
    const rows = lineNumbers(l, n, "rows");
    let x = broadcastTo(unit(l, n), l.shape);
    for (let i = 0; i < n; i++) {
      const pivot = columnsBetween(rowsBetween(l, i, i + 1), i, i + 1);
      const below = where(less(i, rows), columnsBetween(l, i, i + 1), 0);
      x = where(equal(rows, i), x, sub(mul(x, pivot), mul(below, rowsBetween(x, i, i + 1))));
    }
    return [x];
  },
  matrices: /* @__PURE__ */ matrixKernel(["matrix"], ["matrix"], (k, _, l, x) => {
    const [zero, one] = [k.integer(0), k.integer(1)];
    const n = l.rows;
    k.grid([zero, n], [zero, n], (r, c) => x.put(k.float(k.where(k.equal(r, c), one, zero)), r, c));
    k.loop(zero, n, (i) => {
      const next = k.add(i, one);
      const pivot = k.keep(l.at(i, i));
      const times = (r: typeof i, c: typeof i): void => x.put(k.mul(pivot, x.at(r, c)), r, c);
      k.grid([zero, i], [zero, i], times);
      k.grid([next, n], [zero, next], times);
      k.each(next, n, (r) => times(r, r));
      k.eliminate(x, [next, n], [zero, next], l, x, i);
    });
  }),
};

/** x · 2ᵉ, in steps so small that the power of none is beyond the numbers of the dtype. */
function timesPower(x: Tensor, exponents: Tensor): Tensor {
  const reach = x.dtype === "f64" ? 2400 : 300; // takes the least number beyond the greatest
  const e = clamp(exponents, { min: -reach, max: reach });
  const third = round(div(e, 3));
  const power = exp2(third);
  return mul(mul(mul(x, power), power), exp2(sub(e, mul(third, 2))));
}

/**
 * Integers e, [..., N], such that the products of successive pivots, each times 2⁻ᵉ, are about 1: products of the pivots
 * themselves may be beyond the numbers of the dtype although the determinant and the cofactors are not. Of a pivot that
 * is 0 it is 0. `least` are lower bounds of the logarithms that pivots count with.
 */
function balance(pivots: Tensor, least: Tensor | number = -Infinity): Tensor {
  const n = pivots.shape.at(-1)!;
  if (n === 0) return pivots;
  const logarithms = maximum(log2(abs(pivots)), least);
  const ends = round(cumsum(where(and(notEqual(pivots, 0), isFinite(logarithms)), logarithms, 0)));
  const first = filled(ends, 0, [...ends.shape.slice(0, -1), 1]);
  return sub(ends, concat([first, columnsBetween(ends, 0, n - 1)], { axis: -1 }));
}

/** The same for upper triangles, whose columns times 2⁻ᵉ stay within the range, too. */
function balanceColumns(packed: Tensor): Tensor {
  const pivots = diagonalOf(packed);
  if (pivots.size === 0) return pivots;
  const greatest = max(abs(triu(packed)), { axis: -2 });
  return balance(pivots, sub(log2(greatest), packed.dtype === "f64" ? 900 : 100));
}

const cofactors = (a: Tensor): Tensor => applyFusedRead(cofactorsOp, [a], undefined)[0]!;

/** The cofactors of square matrices, det(A) · A⁻ᵀ of a regular one: the derivative of the determinant. */
const cofactorsOp: FusedOp<undefined> = {
  name: "cofactors",
  infer: likeFirst("cofactors"),
  fallback: ([a]) => {
    // Those of a product are the product of those of its factors.
    const { packed, order, sign } = factors(a as Tensor);
    const exponents = balanceColumns(packed);
    const lower = timesPower(transpose(packed), unsqueeze(neg(exponents), -1));
    const upper = applyFusedRead(triangularAdjugateOp, [lower], undefined)[0]!;
    const product = substitute(transpose(packed), upper, true, true);
    // Each column lacks the powers of all others.
    const others = sub(sum(exponents, { axis: -1, keepDims: true }), exponents);
    const whole = timesPower(product, unsqueeze(others, -2));
    return [mul(unsqueeze(sign, [-1, -2]), rowsInOrder(whole, argsort(order)))];
  },
  // The sum of gᵢⱼ times cofactor (i, j) over j is the determinant of A with row i of g in place of its own row, so the
  // gradient is a sum of cofactors, too, and right whatever the rank.
  gradient: (_, [a]) => [
    (g) => {
      const own = unsqueeze(unit(g, g.shape.at(-1)!, "bool"), -1);
      const replaced = where(own, unsqueeze(g, -3), unsqueeze(a as Tensor, -3));
      return sum(where(own, 0, cofactors(replaced)), { axis: -3 });
    },
  ],
};

const detOp: FusedOp<undefined> = {
  name: "det",
  infer: (inputs) => {
    const { shape, dtype } = tensorAt("det", inputs, 0);
    return [{ shape: shape.slice(0, -2), dtype }];
  },
  fallback: ([a]) => {
    const { packed, sign } = factors(a as Tensor);
    const pivots = diagonalOf(packed);
    const exponents = balance(pivots);
    const balanced = prod(timesPower(pivots, neg(exponents)), { axis: -1 });
    return [mul(sign, timesPower(balanced, sum(exponents, { axis: -1 })))];
  },
  gradient: (_, [a]) => [(g) => mul(unsqueeze(g, [-1, -2]), cofactors(a as Tensor))],
};

/**
 * The determinants of square matrices, [..., N, N] → [...]; 1 of a matrix without elements. Derivatives are right for
 * singular matrices, too; from the second on each takes N times as long as the one before. Slow for large matrices. As
 * `torch.linalg.det`.
 *
 * @example det(tensor([[1, 2], [3, 5]])) // -1
 */
export function det(a: Operand): Tensor;
export function det(a: Operand, more?: unknown): Tensor {
  refuseMore("det", more);
  const x = squareOf("det", a);
  return composed("det", () => applyFusedRead(detOp, [x], undefined)[0]!);
}

export interface LogAbsDet {
  /** −1, 0 or 1. */
  readonly sign: Tensor;
  /** The logarithm of the absolute value; −∞ of a singular matrix. */
  readonly logAbsDet: Tensor;
}

function logAndSign(x: Tensor): LogAbsDet {
  const { packed, sign: parity } = factors(x);
  const pivots = diagonalOf(packed);
  return {
    sign: mul(parity, prod(sign(pivots), { axis: -1 })),
    logAbsDet: sum(log(abs(pivots)), { axis: -1 }),
  };
}

/**
 * The signs of the determinants of square matrices and the logarithms of their absolute values, which do not overflow.
 * Slow for large matrices. As `torch.linalg.slogdet`.
 *
 * @example logAbsDet(tensor([[1, 2], [3, 5]])).sign // -1
 */
export function logAbsDet(a: Operand): LogAbsDet {
  const x = squareOf("logAbsDet", a);
  return composed("logAbsDet", () => logAndSign(x));
}

/**
 * The logarithms of the determinants of square matrices: NaN where one is negative, −∞ of a singular matrix. Slow for
 * large matrices. As `torch.logdet`.
 *
 * @example logdet(tensor([[2, 0], [0, 0.5]])) // 0
 */
export function logdet(a: Operand): Tensor {
  const x = squareOf("logdet", a);
  return composed("logdet", () => {
    const { sign, logAbsDet } = logAndSign(x);
    return where(equal(sign, -1), NaN, logAbsDet);
  });
}
