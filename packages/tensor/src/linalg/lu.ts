// The LU decomposition, by Gaussian elimination with partial pivoting.
import { applyFusedRead, untaped } from "../apply.ts";
import { tril, triu } from "../arrangement.ts";
import { abs, add, and, cast, div, equal, isFinite, less, mul, neg, sub, where } from "../elementwise.ts";
import type { DType } from "../dtype.ts";
import { filled } from "../filled.ts";
import { composed } from "../formula.ts";
import type { FusedOp } from "../fused.ts";
import { gather } from "../indexing.ts";
import type { Operand } from "../interpreter.ts";
import { matmul } from "../linalg.ts";
import { matrixKernel } from "../matrix-run.ts";
import { broadcastTo, concat, reshape, squeeze, transpose, unsqueeze } from "../movement.ts";
import { argmax, argsort, min } from "../reduce.ts";
import { tensorAt } from "../rules/table.ts";
import type { Tensor } from "../tensor.ts";
import {
  columnsBetween,
  diagonalOf,
  matricesOf,
  lineNumbers,
  rowsInOrder,
  rowsBetween,
  sizesOf,
  unit,
} from "./matrix.ts";
import { substitute, substituteLeft } from "./triangular.ts";

/** What stands in for a pivot that is 0 where derivatives divide by it, next to the least number of the triangle. */
const tinyPart = (dtype: DType): number => (dtype === "f64" ? 2 ** -60 : 2 ** -30);

/** The upper triangle with a tiny number in place of each zero on its diagonal. */
function regularUpper(packed: Tensor): Tensor {
  const upper = triu(packed);
  if (upper.size === 0) return upper;
  const sizes = abs(untaped(upper));
  const least = min(where(equal(sizes, 0), Infinity, sizes), { axis: [-2, -1], keepDims: true });
  const tiny = mul(where(isFinite(least), least, 1), tinyPart(upper.dtype));
  const zero = unsqueeze(cast(equal(diagonalOf(upper), 0), upper.dtype), -2);
  return add(upper, mul(mul(unit(upper, upper.shape.at(-1)!), zero), tiny));
}

/** The lower triangle of the first columns, with ones on the diagonal. */
const unitLower = (packed: Tensor, n: number): Tensor => add(tril(packed, { k: -1 }), unit(packed, n));

/**
 * For matrices with at least as many rows as columns: U and, below its diagonal, L without its ones; the order of the
 * rows (row i of the product L · U is row order[i] of A); and the sign of that permutation.
 */
const luOp: FusedOp<undefined> = {
  name: "lu",
  promotes: true,
  infer: (inputs) => {
    const x = tensorAt("lu", inputs, 0);
    const { batch, rows } = sizesOf("lu", x);
    return [
      { shape: x.shape, dtype: x.dtype },
      { shape: [...batch, rows], dtype: "i32" },
      { shape: batch, dtype: x.dtype },
    ];
  },
  fallback: ([a]) => eliminated(a as Tensor),
  gradient: ([packed, order], [a]) => [
    (g) => {
      const { rows: m, columns: n } = sizesOf("lu", a as Tensor);
      const top = rowsBetween(packed!, 0, n);
      const upper = regularUpper(top);
      const lower = unitLower(top, n);
      let [gLower, gUpper] = [tril(rowsBetween(g, 0, n), { k: -1 }), triu(rowsBetween(g, 0, n))];
      const parts: Tensor[] = [];
      if (m > n) {
        // The rows below are A₂ · U⁻¹.
        const below = substituteLeft(transpose(upper), rowsBetween(g, n, m), false);
        gUpper = sub(gUpper, triu(matmul(transpose(rowsBetween(packed!, n, m)), below)));
        parts.push(below);
      }
      const inner = add(tril(matmul(transpose(lower), gLower), { k: -1 }), triu(matmul(gUpper, transpose(upper))));
      const gTop = substituteLeft(transpose(upper), substitute(transpose(lower), inner, true, true), false);
      return rowsInOrder(concat([gTop, ...parts], { axis: -2 }), argsort(order!));
    },
  ],
  matrices: /* @__PURE__ */ matrixKernel(["matrix"], ["matrix", "vector", "scalar"], (k, _, a, w, order, sign) => {
    const [zero, one] = [k.integer(0), k.integer(1)];
    const { rows: m, columns: n } = a;
    k.grid([zero, m], [zero, n], (i, j) => w.put(a.at(i, j), i, j));
    k.each(zero, m, (i) => order.put(i, i));
    k.each(zero, one, (i) => sign.put(k.constant(1), i));
    k.loop(zero, n, (c) => {
      const next = k.add(c, one);
      const size = (i: typeof c) => k.abs(w.at(i, c));
      const greatest = k.keep(k.over("max", c, m, size));
      const first = k.over("min", c, m, (i) => k.where(k.equal(size(i), greatest), k.float(i), k.float(m)));
      const found = k.keep(k.whole(first));
      // A NaN is equal to nothing.
      const pivot = k.keep(k.where(k.less(found, m), found, c));
      k.when(k.less(c, pivot), () => {
        k.each(zero, n, (j) => {
          const x = k.keep(w.at(c, j));
          w.put(w.at(pivot, j), c, j);
          w.put(x, pivot, j);
        });
        k.each(zero, one, (i) => {
          const x = k.keep(order.at(c));
          order.put(order.at(pivot), c);
          order.put(x, pivot);
          sign.put(k.sub(k.constant(0), sign.at(i)), i);
        });
      });
      const divisor = k.keep(w.at(c, c));
      k.each(next, m, (i) =>
        w.put(k.where(k.equal(divisor, k.constant(0)), k.constant(0), k.div(w.at(i, c), divisor)), i, c),
      );
      k.eliminate(w, [next, m], [next, n], w, w, c);
    });
  }),
};

/** The fallback: one column after the other. */
function eliminated(a: Tensor): Tensor[] {
  const { batch, rows: m, columns: n } = sizesOf("lu", a);
  const rows = lineNumbers(a, m, "rows");
  const columns = lineNumbers(a, n, "columns");
  let w = a;
  let order = broadcastTo(reshape(rows, [m]), [...batch, m]);
  let sign = filled(a, 1, batch);
  for (let c = 0; c < n; c++) {
    const sizes = where(less(rows, c), -1, abs(columnsBetween(w, c, c + 1)));
    const pivot = argmax(sizes, { axis: -2, keepDims: true });
    const swapped = squeeze(where(equal(rows, c), pivot, where(equal(rows, pivot), c, rows)), -1);
    w = rowsInOrder(w, swapped);
    order = gather(order, swapped, { axis: -1 });
    sign = where(equal(reshape(pivot, batch), c), sign, neg(sign));
    const row = rowsBetween(w, c, c + 1);
    const divisor = columnsBetween(row, c, c + 1);
    const zero = equal(divisor, 0);
    const quotients = where(zero, 0, div(columnsBetween(w, c, c + 1), where(zero, 1, divisor)));
    const below = less(c, rows);
    w = where(
      and(below, equal(columns, c)),
      quotients,
      where(and(below, less(c, columns)), sub(w, mul(quotients, row)), w),
    );
  }
  return [w, order, sign];
}

/** Both triangles of square or tall matrices in one, the order of their rows, and its sign. */
export function factors(a: Tensor): { readonly packed: Tensor; readonly order: Tensor; readonly sign: Tensor } {
  const [packed, order, sign] = applyFusedRead(luOp, [a], undefined);
  return { packed: packed!, order: order!, sign: sign! };
}

/** L · y = P · b, then U · x = y. */
export function solveFactored(packed: Tensor, order: Tensor, b: Tensor): Tensor {
  return substitute(packed, substitute(packed, rowsInOrder(b, order), false, true), true);
}

export interface LU {
  /** A permutation, [..., M, M]. */
  readonly p: Tensor;
  /** A lower triangle with ones on the diagonal, [..., M, min(M, N)]. */
  readonly l: Tensor;
  /** An upper triangle, [..., min(M, N), N]. */
  readonly u: Tensor;
}

/**
 * The LU decomposition A = P · L · U with partial pivoting, of matrices [..., M, N]. Singular matrices have a zero on
 * the diagonal of U. Slow for large matrices. As `torch.linalg.lu`.
 *
 * @example lu(tensor([[1, 2], [2, 2]])).u // [[2, 2], [0, 1]]
 */
export function lu(a: Operand): LU {
  const x = matricesOf("lu", a);
  return composed("lu", () => {
    const { rows: m, columns: n } = sizesOf("lu", x);
    const least = Math.min(m, n);
    const { packed, order } = factors(columnsBetween(x, 0, least));
    const top = rowsBetween(packed, 0, least);
    const l = concat([unitLower(top, least), rowsBetween(packed, least, m)], { axis: -2 });
    const rest = rowsInOrder(columnsBetween(x, least, n), order);
    const u = n > m ? concat([triu(top), substitute(l, rest, false, true)], { axis: -1 }) : triu(top);
    const p = cast(equal(lineNumbers(x, m, "rows"), unsqueeze(order, -2)), x.dtype);
    return { p, l, u };
  });
}
