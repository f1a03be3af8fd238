// Systems of equations with a triangular matrix, by substitution.
import { applyFusedRead, readTensors } from "../apply.ts";
import { tril, triu } from "../arrangement.ts";
import { zerosLike } from "../creation.ts";
import { div, neg, sub } from "../elementwise.ts";
import { composed } from "../formula.ts";
import type { FusedOp } from "../fused.ts";
import type { Operand } from "../interpreter.ts";
import { matmul } from "../linalg.ts";
import { matrixKernel } from "../matrix-run.ts";
import { concat, transpose } from "../movement.ts";
import { boolean, readOptions } from "../options.ts";
import { tensorAt } from "../rules/table.ts";
import type { Tensor } from "../tensor.ts";
import { columnsBetween, rowsBetween, systemOf } from "./matrix.ts";

interface TriangularAttrs {
  readonly upper: boolean;
  /** Whether the diagonal counts as ones. */
  readonly unit: boolean;
}

/** X with A · X = B, for matrices A and B of one batch. Only the triangle of A is read. */
const solveTriangularOp: FusedOp<TriangularAttrs> = {
  name: "solveTriangular",
  promotes: true,
  infer: (inputs) => {
    const { shape, dtype } = tensorAt("solveTriangular", inputs, 1);
    return [{ shape, dtype }];
  },
  fallback: ([given, right], { upper, unit }) => {
    const [a, b] = [given as Tensor, right as Tensor];
    const n = a.shape.at(-1)!;
    let solved: Tensor | undefined;
    for (let step = 0; step < n; step++) {
      const i = upper ? n - 1 - step : step;
      const row = rowsBetween(a, i, i + 1);
      let x = rowsBetween(b, i, i + 1);
      if (solved !== undefined)
        x = sub(x, matmul(upper ? columnsBetween(row, i + 1, n) : columnsBetween(row, 0, i), solved));
      if (!unit) x = div(x, columnsBetween(row, i, i + 1));
      solved = solved === undefined ? x : concat(upper ? [x, solved] : [solved, x], { axis: -2 });
    }
    return [solved ?? zerosLike(b)];
  },
  gradient: ([x], [a], { upper, unit }) => {
    /** The gradient of B solves the transposed system. */
    const back = (g: Tensor): Tensor =>
      applyFusedRead(solveTriangularOp, [transpose(a as Tensor), g], { upper: !upper, unit })[0]!;
    const triangle = upper ? triu : tril;
    return [(g) => neg(triangle(matmul(back(g), transpose(x!)), { k: unit ? (upper ? 1 : -1) : 0 })), back];
  },
  matrices: /* @__PURE__ */ matrixKernel(["matrix", "matrix"], ["matrix"], (k, { upper, unit }, a, b, x) => {
    const [zero, one] = [k.integer(0), k.integer(1)];
    const n = a.rows;
    k.grid([zero, n], [zero, b.columns], (i, j) => x.put(b.at(i, j), i, j));
    k.loop(zero, n, (step) => {
      const i = k.keep(upper ? k.sub(k.sub(n, one), step) : step);
      const pivot = k.keep(a.at(i, i));
      if (!unit) k.each(zero, b.columns, (j) => x.put(k.div(x.at(i, j), pivot), i, j));
      k.eliminate(x, upper ? [zero, i] : [k.add(i, one), n], [zero, b.columns], a, x, i);
    });
  }),
};

/** Like `solveTriangular`, for matrices of one batch. */
export const substitute = (a: Tensor, b: Tensor, upper: boolean, unit = false): Tensor =>
  applyFusedRead(solveTriangularOp, [a, b], { upper, unit })[0]!;

/** X with X · A = B. */
export const substituteLeft = (a: Tensor, b: Tensor, upper: boolean, unit = false): Tensor =>
  transpose(substitute(transpose(a), transpose(b), !upper, unit));

interface TriangularOptions {
  /** Whether A is an upper triangle; by default it is a lower one. The other one is not read. */
  readonly upper?: boolean;
  /** False for X · A = B. */
  readonly left?: boolean;
  /** Whether the diagonal of A counts as ones; it is not read then. */
  readonly unitriangular?: boolean;
}

const kinds = { upper: boolean, left: boolean, unitriangular: boolean };
const defaults = { upper: false, left: true, unitriangular: false };

/**
 * X with A · X = B for triangular matrices A, [..., N, N] and [..., N, K] → [..., N, K], or with `left: false` X with
 * X · A = B. The leading axes broadcast. A zero on the diagonal gives infinities and NaN. Throws a ShapeError if the
 * sizes do not fit. Slow for large matrices. As `torch.linalg.solve_triangular`.
 *
 * @example solveTriangular(tensor([[2, 0], [1, 1]]), tensor([[2], [3]])) // [[1], [2]]
 */
export function solveTriangular(a: Operand, b: Operand, options?: TriangularOptions): Tensor {
  const op = "solveTriangular";
  const { upper, left, unitriangular } = readOptions(op, options, kinds, defaults);
  return composed(op, () => {
    const [given, right] = readTensors(op, [a, b]);
    if (left) return substitute(...systemOf(op, given, right), upper, unitriangular);
    const [x, y] = systemOf(op, given, transpose(right));
    return transpose(substitute(transpose(x), y, !upper, unitriangular));
  });
}
