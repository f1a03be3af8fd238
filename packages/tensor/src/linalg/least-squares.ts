// What singular values say about a matrix: its pseudoinverse, least squares, rank and condition.
import { square } from "../activations.ts";
import { applyFusedRead, isTensor, readTensors } from "../apply.ts";
import { text } from "../axes.ts";
import { abs, add, cast, div, isFinite, isNaN, less, maximum, mul, neg, sub, where } from "../elementwise.ts";
import { ShapeError } from "../errors.ts";
import { composed } from "../formula.ts";
import type { FusedOp } from "../fused.ts";
import type { Operand, Value } from "../interpreter.ts";
import { matmul } from "../linalg.ts";
import { broadcastTo, squeeze, transpose, unsqueeze } from "../movement.ts";
import { floating, inDType, inFloats } from "../operands.ts";
import { boolean, nonNegative, readOptions, type OptionKind } from "../options.ts";
import { max, min, sum } from "../reduce.ts";
import { broadcast } from "../rules/elementwise.ts";
import { tensorAt } from "../rules/table.ts";
import { any } from "../statistics.ts";
import type { Tensor } from "../tensor.ts";
import { eigh } from "./eigh.ts";
import { isVectors, matricesOf, sizesOf, squareOf } from "./matrix.ts";
import { matrixNorm, matrixOrder, type MatrixOrder } from "./norms.ts";
import { inv } from "./solve.ts";
import { inverseOrZero, thinSVD } from "./svd.ts";

interface RankOptions {
  /**
   * Singular values up to this part of the greatest count as 0: max(M, N) · ε if both tolerances are left out. A number,
   * or a tensor of one for each matrix.
   */
  readonly rtol?: Operand;
  /** Singular values up to this count as 0. */
  readonly atol?: Operand;
  /** Whether the matrices are symmetric; only their lower triangles are read. */
  readonly hermitian?: boolean;
}

interface Tolerances {
  readonly rtol: Value;
  readonly atol: Value;
}

const tolerance: OptionKind<Operand> = {
  wanted: "a non-negative number or a tensor",
  is: (x): x is Operand => nonNegative.is(x) || isTensor(x),
};
const rankKinds = { rtol: tolerance, atol: tolerance, hermitian: boolean };

interface Rank extends Tolerances {
  readonly a: Tensor;
  readonly hermitian: boolean;
}

/** The matrices, and what of their singular values counts as 0. */
function readRank(op: string, given: Operand, options: RankOptions | undefined): Rank {
  const { rtol, atol, hermitian } = readOptions<RankOptions, { atol: Operand; hermitian: boolean }>(
    op,
    options,
    rankKinds,
    { atol: 0, hermitian: false },
  );
  const a = hermitian ? squareOf(op, given) : matricesOf(op, given);
  const { rows, columns } = sizesOf(op, a);
  const usual = Math.max(rows, columns) * (a.dtype === "f64" ? 2 ** -52 : 2 ** -23);
  const least = floating(atol, op);
  const part = rtol ?? (typeof least === "number" ? (least > 0 ? 0 : usual) : where(less(0, least), 0, usual));
  return { a, rtol: floating(part, op), atol: least, hermitian };
}

/** Which of the singular values (or of other numbers, in any order) do not count as 0. */
function significant(s: Tensor, { rtol, atol }: Tolerances): Tensor {
  if (s.shape.at(-1) === 0) return less(s, 0);
  const greatest = max(s, { axis: -1, keepDims: true });
  const each = (x: Value): Value => (typeof x === "number" ? x : unsqueeze(inDType(x, s.dtype), -1));
  return less(maximum(mul(greatest, each(rtol)), each(atol)), s);
}

/** The pseudoinverse; its derivative holds where the rank does not change. */
const pinvOp: FusedOp<{ readonly hermitian: boolean }> = {
  name: "pinv",
  infer: (inputs) => {
    const x = tensorAt("pinv", inputs, 0);
    const { batch, rows, columns } = sizesOf("pinv", x);
    return [{ shape: [...batch, columns, rows], dtype: x.dtype }];
  },
  fallback: ([given, rtol, atol], { hermitian }) => {
    const [a, tolerances] = [given as Tensor, { rtol: rtol!, atol: atol! }];
    if (hermitian) {
      const { values, vectors } = eigh(a);
      const inverse = where(significant(abs(values), tolerances), inverseOrZero(values), 0);
      return [matmul(mul(vectors, unsqueeze(inverse, -2)), transpose(vectors))];
    }
    const [u, s, v] = thinSVD(a);
    const inverse = where(significant(s, tolerances), inverseOrZero(s), 0);
    // A NaN is no number to leave out.
    return [matmul(mul(v, unsqueeze(where(isNaN(s), s, inverse), -2)), transpose(u))];
  },
  gradient: ([inverse], [given]) => [
    (g) => {
      // G. Golub and V. Pereyra, SIAM J. Numer. Anal. 10 (1973).
      const [a, p] = [given as Tensor, inverse!];
      const [pt, back] = [transpose(p), transpose(g)];
      const direct = neg(matmul(pt, matmul(g, pt)));
      // What of A is orthogonal to its rows and columns.
      const rows = matmul(sub(back, matmul(a, matmul(p, back))), matmul(p, pt));
      const columns = matmul(matmul(pt, p), sub(back, matmul(matmul(back, p), a)));
      return add(direct, add(rows, columns));
    },
    undefined,
    undefined,
  ],
};

/**
 * The pseudoinverses (Moore–Penrose) of matrices, [..., M, N] → [..., N, M]. The gradient is right where the rank does
 * not change. Slow for large matrices. As `torch.linalg.pinv`.
 *
 * @example pinv(tensor([[2, 0], [0, 0], [0, 0]])) // [[0.5, 0, 0], [0, 0, 0]]
 */
export function pinv(a: Operand, options?: RankOptions): Tensor {
  const { a: x, rtol, atol, hermitian } = readRank("pinv", a, options);
  return composed("pinv", () => applyFusedRead(pinvOp, [x, rtol, atol], { hermitian })[0]!);
}

/**
 * The rank of matrices, [..., M, N] → [...] of i32: how many singular values are greater than max(atol, rtol · the
 * greatest); 0 of a matrix with NaN or infinities. Slow for large matrices. As `torch.linalg.matrix_rank`.
 *
 * @example matrixRank(tensor([[1, 2], [2, 4]])) // 1
 */
export function matrixRank(a: Operand, options?: RankOptions): Tensor {
  const rank = readRank("matrixRank", a, options);
  return composed("matrixRank", () => {
    const s = rank.hermitian ? abs(eigh(rank.a).values) : thinSVD(rank.a)[1];
    return sum(cast(significant(s, rank), "i32"), { axis: -1 });
  });
}

/**
 * The condition of matrices, ‖A‖ · ‖A⁻¹‖ in a norm of `matrixNorm`: by default the greatest singular value divided by
 * the least, for matrices of any shape. ∞ of a singular matrix; 2 and −2 give NaN if all numbers are 0. Slow for large
 * matrices. As `torch.linalg.cond`.
 *
 * @example cond(tensor([[2, 0], [0, 0.5]])) // 4
 */
export function cond(a: Operand, options?: { ord?: MatrixOrder }): Tensor {
  const { ord } = readOptions<{ ord?: MatrixOrder }, { ord: MatrixOrder }>(
    "cond",
    options,
    { ord: matrixOrder },
    { ord: 2 },
  );
  const bySingularValues = ord === 2 || ord === -2;
  const x = bySingularValues ? matricesOf("cond", a) : squareOf("cond", a);
  return composed("cond", () => {
    if (x.shape.slice(-2).includes(0)) return sum(x, { axis: [-2, -1] }); // 0, as in PyTorch
    if (bySingularValues) {
      const s = thinSVD(x)[1];
      const [most, least] = [max(s, { axis: -1 }), min(s, { axis: -1 })];
      return ord === 2 ? div(most, least) : div(least, most);
    }
    const y = mul(matrixNorm(x, { ord }), matrixNorm(inv(x), { ord }));
    return where(isFinite(y), y, where(any(isNaN(x), { axis: [-2, -1] }), NaN, Infinity));
  });
}

export interface LeastSquares {
  /** The X with the least ‖A · X − B‖ and, of those, with the least ‖X‖: [..., N, K]. */
  readonly solution: Tensor;
  /** The sums of the squares of A · X − B, [..., K]. */
  readonly residuals: Tensor;
  /** The rank of A, i32. */
  readonly rank: Tensor;
  /** The singular values of A. */
  readonly singularValues: Tensor;
}

/**
 * Least squares: X with the least ‖A · X − B‖, for matrices [..., M, N] and right sides [..., M, K], or a vector [M], or a
 * batch of them with the leading axes of A, [..., M]; else the leading axes broadcast. Singular values up to `rtol` (max(M, N) · ε) times the greatest count as 0. Throws a
 * ShapeError if the sizes do not fit. Slow for large matrices. As `torch.linalg.lstsq` with the driver gelsd.
 *
 * @example lstsq(tensor([[1, 0], [1, 1], [1, 2]]), tensor([1, 3, 5])).solution // [1, 2]
 */
export function lstsq(a: Operand, b: Operand, options?: { rtol?: number }): LeastSquares {
  const { rtol } = readOptions("lstsq", options, { rtol: nonNegative }, {});
  const [x, given] = readTensors("lstsq", [a, b]).map(inFloats) as [Tensor, Tensor];
  const { batch, rows } = sizesOf("lstsq", x);
  const vectors = isVectors(given, x);
  if (given.shape.at(vectors ? -1 : -2) !== rows)
    throw new ShapeError(
      `lstsq: shapes ${text(x.shape)} and ${text(given.shape)} do not fit: the right side must have ${rows} rows`,
    );
  return composed("lstsq", () => {
    const right = vectors ? unsqueeze(given, -1) : given;
    const all = broadcast("lstsq", batch, right.shape.slice(0, -2));
    const left = broadcastTo(x, [...all, ...x.shape.slice(-2)]);
    const tolerances = rtol === undefined ? {} : { rtol };
    const solution = matmul(pinv(left, tolerances), right);
    const residuals = sum(square(sub(matmul(left, solution), right)), { axis: -2 });
    const [, singularValues] = thinSVD(left);
    const rank = sum(cast(significant(singularValues, readRank("lstsq", x, tolerances)), "i32"), { axis: -1 });
    const plain = (t: Tensor): Tensor => (vectors ? squeeze(t, -1) : t);
    return { solution: plain(solution), residuals: plain(residuals), rank, singularValues };
  });
}
