// Singular values, by Jacobi rotations of columns.
import { applyFusedRead } from "../apply.ts";
import { abs, add, div, equal, isFinite, isNaN, less, mul, neg, sub, where } from "../elementwise.ts";
import { composed } from "../formula.ts";
import type { FusedOp } from "../fused.ts";
import { gather } from "../indexing.ts";
import type { Operand } from "../interpreter.ts";
import { matmul } from "../linalg.ts";
import { concat, transpose, unsqueeze } from "../movement.ts";
import { boolean, readOptions } from "../options.ts";
import { argmax, argsort, max, sum } from "../reduce.ts";
import { tensorAt } from "../rules/table.ts";
import { diagEmbed } from "../shape/diagonals.ts";
import type { Tensor } from "../tensor.ts";
import { orthogonalized } from "./jacobi.ts";
import { columnsInOrder, columnsBetween, diagonalOf, matricesOf, sizesOf } from "./matrix.ts";
import { completeQR, tallQR } from "./qr.ts";

/** The largest number of each matrix, to scale it by: 1 where that is 0, NaN where a number is not finite. */
export function scaleOf(a: Tensor): Tensor {
  const { rows, columns } = sizesOf("svd", a);
  if (rows * columns === 0) return sum(a, { axis: [-2, -1], keepDims: true });
  const most = max(abs(a), { axis: [-2, -1], keepDims: true });
  return where(isFinite(most), where(equal(most, 0), 1, most), NaN);
}

/** Vectors of matrices with this scale: what is computed from NaN may look like vectors. */
export const orNaN = (vectors: Tensor, scale: Tensor): Tensor => where(isNaN(scale), NaN, vectors);

/** The sign of each column by which its largest number becomes positive. */
export function columnSigns(x: Tensor): Tensor {
  if (x.shape.at(-2) === 0) return sum(x, { axis: -2, keepDims: true });
  const largest = gather(x, argmax(abs(x), { axis: -2, keepDims: true }), { axis: -2 });
  return where(less(largest, 0), -1, 1);
}

/** 1 / x, and 0 in place of 1 / 0. */
export const inverseOrZero = (x: Tensor): Tensor => {
  const zero = equal(x, 0);
  return where(zero, 0, div(1, where(zero, 1, x)));
};

const skew = (x: Tensor): Tensor => sub(x, transpose(x));

interface SVDAttrs {
  /** Whether U is square. */
  readonly full: boolean;
}

/** For matrices with at least as many rows as columns: U, S and V. */
const svdOp: FusedOp<SVDAttrs> = {
  name: "svd",
  infer: (inputs, { full }) => {
    const x = tensorAt("svd", inputs, 0);
    const { batch, rows, columns } = sizesOf("svd", x);
    const { dtype } = x;
    return [
      { shape: [...batch, rows, full ? rows : columns], dtype },
      { shape: [...batch, columns], dtype },
      { shape: [...batch, columns, columns], dtype },
    ];
  },
  fallback: ([a], { full }) => {
    const scale = scaleOf(a as Tensor);
    const [w, turned, sizes] = orthogonalized(div(a!, scale));
    const order = argsort(sizes, { axis: -1, descending: true });
    // The columns are those of U times the singular values; those of zeros are completed.
    const sorted = columnsInOrder(w, order);
    const [q, r] = full ? completeQR(sorted) : tallQR(sorted);
    const columns = sorted.shape.at(-1)!;
    const signed = where(
      less(unsqueeze(diagonalOf(r), -2), 0),
      neg(columnsBetween(q, 0, columns)),
      columnsBetween(q, 0, columns),
    );
    const v = columnsInOrder(turned, order);
    const signs = columnSigns(v);
    const u = mul(signed, signs);
    const s = mul(gather(sizes, order, { axis: -1 }), sum(scale, { axis: -1 }));
    const whole = full ? concat([u, columnsBetween(q, columns, q.shape.at(-1)!)], { axis: -1 }) : u;
    return [orNaN(whole, scale), s, orNaN(mul(v, signs), scale)];
  },
  gradient: ([given, s, v], [a]) => [
    (gU, gS, gV) => {
      const { rows, columns } = sizesOf("svd", a as Tensor);
      const [u, g] = [columnsBetween(given!, 0, columns), columnsBetween(gU, 0, columns)];
      const [sizes, others] = [unsqueeze(s!, -2), unsqueeze(s!, -1)];
      // s / (s² − t²), from s / (s + t) and 1 / (s − t): no square overflows.
      const gaps = inverseOrZero(sub(sizes, others));
      const sums = inverseOrZero(add(div(sizes, 2), div(others, 2)));
      const inner = matmul(transpose(u), g);
      const left = mul(mul(skew(inner), gaps), mul(div(sizes, 2), sums));
      const right = mul(mul(div(others, 2), sums), mul(skew(matmul(transpose(v!), gV!)), gaps));
      const y = matmul(u, add(add(left, right), diagEmbed(gS!)));
      // What of the gradient of U is orthogonal to U.
      const rest = mul(sub(g, matmul(u, inner)), inverseOrZero(sizes));
      return matmul(rows > columns ? add(y, rest) : y, transpose(v!));
    },
  ],
};

/** U, S and V of matrices of any shape. */
function decomposed(a: Tensor, full: boolean): readonly [u: Tensor, s: Tensor, v: Tensor] {
  const { rows, columns } = sizesOf("svd", a);
  const wide = rows < columns;
  const [u, s, v] = applyFusedRead(svdOp, [wide ? transpose(a) : a], { full });
  return wide ? [v!, s!, u!] : [u!, s!, v!];
}

/** The thin decomposition: U, S and V. */
export const thinSVD = (a: Tensor): readonly [u: Tensor, s: Tensor, v: Tensor] => decomposed(a, false);

export interface SVD {
  /** Orthonormal columns, [..., M, M], or [..., M, min(M, N)] without `fullMatrices`. */
  readonly u: Tensor;
  /** The singular values, the greatest first, [..., min(M, N)]. */
  readonly s: Tensor;
  /** Orthonormal rows, [..., N, N], or [..., min(M, N), N] without `fullMatrices`. */
  readonly vh: Tensor;
}

/**
 * The singular value decomposition A = U · diag(S) · Vh of matrices [..., M, N]. The greatest number of each row of Vh
 * (of each column of U if M < N) is positive. NaN and infinities give NaN. The gradients of U and Vh need singular
 * values that differ, and so do second derivatives of S; equal ones contribute 0, and columns that only complete a square
 * matrix have none. Slow for large matrices. As `torch.linalg.svd`.
 *
 * @example svd(tensor([[0, 2], [1, 0]])).s // [2, 1]
 */
export function svd(a: Operand, options?: { fullMatrices?: boolean }): SVD {
  const { fullMatrices } = readOptions("svd", options, { fullMatrices: boolean }, { fullMatrices: true });
  const x = matricesOf("svd", a);
  return composed("svd", () => {
    const [u, s, v] = decomposed(x, fullMatrices);
    return { u, s, vh: transpose(v) };
  });
}

/**
 * The singular values of matrices, [..., M, N] → [..., min(M, N)], the greatest first. Slow for large matrices. As
 * `torch.linalg.svdvals`.
 *
 * @example singularValues(tensor([[0, 2], [1, 0]])) // [2, 1]
 */
export function singularValues(a: Operand): Tensor {
  const x = matricesOf("singularValues", a);
  return composed("singularValues", () => thinSVD(x)[1]);
}
