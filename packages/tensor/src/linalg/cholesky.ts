// The Cholesky decomposition, one column after the other.
import { applyFusedRead } from "../apply.ts";
import { tril } from "../arrangement.ts";
import { zerosLike } from "../creation.ts";
import { add, div, equal, less, mul, sqrt, sub, where } from "../elementwise.ts";
import { composed } from "../formula.ts";
import type { FusedOp } from "../fused.ts";
import type { Operand } from "../interpreter.ts";
import { matmul } from "../linalg.ts";
import { matrixKernel } from "../matrix-run.ts";
import { concat, transpose } from "../movement.ts";
import { boolean, readOptions } from "../options.ts";
import { likeFirst } from "../rules/table.ts";
import type { Tensor } from "../tensor.ts";
import { columnsBetween, lineNumbers, rowsBetween, squareOf } from "./matrix.ts";
import { substitute, substituteLeft } from "./triangular.ts";

/** L with A = L · Lᵀ. Only the lower triangle of A is read. */
const choleskyOp: FusedOp<undefined> = {
  name: "cholesky",
  infer: likeFirst("cholesky"),
  fallback: ([a]) => {
    let rest = a as Tensor;
    const n = rest.shape.at(-1)!;
    const rows = lineNumbers(rest, n, "rows");
    const columns: Tensor[] = [];
    for (let c = 0; c < n; c++) {
      const column = columnsBetween(rest, c, c + 1);
      const pivot = rowsBetween(column, c, c + 1);
      const root = sqrt(where(less(0, pivot), pivot, NaN));
      const l = where(less(rows, c), 0, where(equal(rows, c), root, div(column, root)));
      columns.push(l);
      rest = sub(rest, mul(l, transpose(l)));
    }
    return [columns.length === 0 ? zerosLike(a!) : concat(columns, { axis: -1 })];
  },
  gradient: ([l]) => [
    (g) => {
      const lower = l!;
      const inner = tril(matmul(transpose(lower), g));
      // Half of the lower triangle, on both sides of the diagonal.
      const both = mul(add(inner, transpose(tril(inner, { k: -1 }))), 0.5);
      return substituteLeft(lower, substitute(transpose(lower), both, true), false);
    },
  ],
  matrices: /* @__PURE__ */ matrixKernel(["matrix"], ["matrix"], (k, _, a, l) => {
    const [zero, one, none] = [k.integer(0), k.integer(1), k.constant(0)];
    const n = a.rows;
    k.grid([zero, n], [zero, n], (i, j) => l.put(k.where(k.less(i, j), none, a.at(i, j)), i, j));
    k.loop(zero, n, (c) => {
      const next = k.add(c, one);
      const pivot = k.keep(l.at(c, c));
      const root = k.keep(k.where(k.less(none, pivot), k.sqrt(pivot), k.constant(NaN)));
      k.each(next, n, (i) => l.put(k.div(l.at(i, c), root), i, c));
      k.each(c, next, (i) => l.put(root, i, i));
      k.each(next, n, (j) => k.subtract(l, j, k.keep(l.at(j, c)), l, c, j, n));
    });
  }),
};

/**
 * The lower triangle L with A = L · Lᵀ, or with `upper` the upper triangle U with A = Uᵀ · U, of symmetric positive
 * definite matrices [..., N, N], of which only that triangle is read. A matrix that is not positive definite gives NaN.
 * Slow for large matrices. As `torch.linalg.cholesky`.
 *
 * @example cholesky(tensor([[4, 2], [2, 5]])) // [[2, 0], [1, 2]]
 */
export function cholesky(a: Operand, options?: { upper?: boolean }): Tensor {
  const { upper } = readOptions("cholesky", options, { upper: boolean }, { upper: false });
  const x = squareOf("cholesky", a);
  return composed("cholesky", () => {
    const lower = applyFusedRead(choleskyOp, [upper ? transpose(x) : x], undefined)[0]!;
    return upper ? transpose(lower) : lower;
  });
}
