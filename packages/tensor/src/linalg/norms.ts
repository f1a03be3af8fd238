// Norms of matrices.
import { allAxes, axisOf, text } from "../axes.ts";
import { abs } from "../elementwise.ts";
import { ShapeError } from "../errors.ts";
import { composed } from "../formula.ts";
import type { Operand } from "../interpreter.ts";
import { permute, reshape } from "../movement.ts";
import { boolean, list, readOptions, type OptionKind } from "../options.ts";
import { max, min, sum } from "../reduce.ts";
import { norm } from "../statistics.ts";
import type { Tensor } from "../tensor.ts";
import { matricesOf } from "./matrix.ts";
import { thinSVD } from "./svd.ts";

/**
 * "fro": the root of the sum of squares. "nuc": the sum of the singular values. 2 and −2: the greatest and the least
 * singular value. 1 and −1, ∞ and −∞: the greatest and the least sum of absolute values in a column, in a row.
 */
export type MatrixOrder = "fro" | "nuc" | number;

const ofRow = { axis: -1 };
const ofColumn = { axis: -2 };
const singular = (x: Tensor): Tensor => thinSVD(x)[1];

/** The norm of matrices in the last two axes. */
function normOf(order: MatrixOrder, x: Tensor): Tensor {
  if (order === "fro") return norm(x, { axis: [-2, -1] });
  if (order === "nuc") return sum(singular(x), ofRow);
  const extreme = order < 0 ? min : max;
  if (Math.abs(order) === 2) return extreme(singular(x), ofRow);
  if (Math.abs(order) === 1) return extreme(sum(abs(x), ofColumn), ofRow);
  return extreme(sum(abs(x), ofRow), ofRow);
}

export const matrixOrder: OptionKind<MatrixOrder> = {
  wanted: '"fro", "nuc", 1, -1, 2, -2, Infinity or -Infinity',
  is: (x): x is MatrixOrder => x === "fro" || x === "nuc" || [1, 2, Infinity].includes(Math.abs(x as number)),
};

interface MatrixNormOptions {
  /** Which norm, by default "fro". */
  readonly ord?: MatrixOrder;
  /** The axes of rows and columns, by default the last two. */
  readonly axis?: readonly number[];
  readonly keepDims?: boolean;
}

/**
 * The norms of matrices, which are two axes of a: "fro" (the root of the sum of squares), "nuc" (the sum of the
 * singular values), 2 and −2 (the greatest and the least of them), 1 and −1, ∞ and −∞ (the greatest and the least sum
 * of absolute values in a column, in a row). Those of singular values are slow for large matrices. As
 * `torch.linalg.matrix_norm`.
 *
 * @example matrixNorm(tensor([[1, -2], [3, 4]]), { ord: 1 }) // 6
 */
export function matrixNorm(a: Operand, options?: MatrixNormOptions): Tensor {
  const op = "matrixNorm";
  const kinds = { ord: matrixOrder, axis: list, keepDims: boolean };
  const { ord, axis, keepDims } = readOptions<MatrixNormOptions, Required<MatrixNormOptions>>(op, options, kinds, {
    ord: "fro",
    axis: [-2, -1],
    keepDims: false,
  });
  const x = matricesOf(op, a);
  const { shape } = x;
  if (axis.length !== 2) throw new ShapeError(`${op}: wanted two axes, got ${text(axis)}`);
  const own = axis.map((i) => axisOf(op, i, shape));
  if (own[0] === own[1]) throw new ShapeError(`${op}: wanted two different axes, got ${text(axis)}`);
  return composed(op, () => {
    const batch = allAxes(shape).filter((i) => !own.includes(i));
    const y = normOf(ord, permute(x, [...batch, ...own]));
    const kept = shape.map((d, i) => (own.includes(i) ? 1 : d));
    return keepDims ? reshape(y, kept) : y;
  });
}
