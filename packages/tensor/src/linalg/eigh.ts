// Eigenvalues and eigenvectors of symmetric matrices, by Jacobi rotations.
import { applyFusedRead } from "../apply.ts";
import { tril, triu } from "../arrangement.ts";
import { abs, add, div, mul, sub } from "../elementwise.ts";
import { composed } from "../formula.ts";
import type { FusedOp } from "../fused.ts";
import { gather } from "../indexing.ts";
import type { Operand } from "../interpreter.ts";
import { matmul } from "../linalg.ts";
import { transpose, unsqueeze } from "../movement.ts";
import { boolean, readOptions } from "../options.ts";
import { argsort, max, sum } from "../reduce.ts";
import { tensorAt } from "../rules/table.ts";
import { diagEmbed } from "../shape/diagonals.ts";
import type { Tensor } from "../tensor.ts";
import { orthogonalized } from "./jacobi.ts";
import { columnsInOrder, squareOf, unit } from "./matrix.ts";
import { columnSigns, inverseOrZero, orNaN, scaleOf } from "./svd.ts";

/** Eigenvalues and eigenvectors of symmetric matrices, of which only the lower triangle is read. */
const eighOp: FusedOp<undefined> = {
  name: "eigh",
  infer: (inputs) => {
    const { shape, dtype } = tensorAt("eigh", inputs, 0);
    return [
      { shape: shape.slice(0, -1), dtype },
      { shape, dtype },
    ];
  },
  fallback: ([given]) => {
    const a = given as Tensor;
    const n = a.shape.at(-1)!;
    if (n === 0) return [sum(a, { axis: -1 }), triu(a)];
    const scale = scaleOf(tril(a));
    const lower = div(tril(a), scale);
    const symmetric = add(lower, transpose(tril(lower, { k: -1 })));
    // Shifted by a bound of its eigenvalues, the matrix has none below 0, and its right singular vectors are its
    // eigenvectors.
    const bound = max(sum(abs(symmetric), { axis: -1, keepDims: true }), { axis: -2, keepDims: true });
    const [, vectors] = orthogonalized(add(symmetric, mul(unit(a, n), bound)));
    const values = sum(mul(vectors, matmul(symmetric, vectors)), { axis: -2 });
    const order = argsort(values, { axis: -1 });
    const sorted = columnsInOrder(vectors, order);
    const sizes = mul(gather(values, order, { axis: -1 }), sum(scale, { axis: -1 }));
    return [sizes, orNaN(mul(sorted, columnSigns(sorted)), scale)];
  },
  gradient: ([values, vectors]) => [
    (gValues, gVectors) => {
      const v = vectors!;
      const gaps = inverseOrZero(sub(unsqueeze(values!, -2), unsqueeze(values!, -1)));
      const inner = matmul(transpose(v), gVectors!);
      const turned = mul(mul(sub(inner, transpose(inner)), 0.5), gaps);
      return matmul(matmul(v, add(turned, diagEmbed(gValues))), transpose(v));
    },
  ],
};

export interface Eigen {
  /** The eigenvalues, the least first, [..., N]. */
  readonly values: Tensor;
  /** The eigenvectors, one per column, [..., N, N]. */
  readonly vectors: Tensor;
}

function eigen(a: Tensor, upper: boolean): Eigen {
  const [values, vectors] = applyFusedRead(eighOp, [upper ? transpose(a) : a], undefined);
  return { values: values!, vectors: vectors! };
}

/**
 * The eigenvalues and eigenvectors of symmetric matrices, [..., N, N], of which only the lower triangle is read, with
 * `upper` the upper one. The greatest number of each eigenvector is positive. NaN and infinities give NaN. The
 * gradients of eigenvectors need eigenvalues that differ; equal ones contribute 0. Slow for large matrices. As
 * `torch.linalg.eigh`.
 *
 * @example eigh(tensor([[0, 1], [1, 0]])).values // [-1, 1]
 */
export function eigh(a: Operand, options?: { upper?: boolean }): Eigen {
  const { upper } = readOptions("eigh", options, { upper: boolean }, { upper: false });
  const x = squareOf("eigh", a);
  return composed("eigh", () => eigen(x, upper));
}
