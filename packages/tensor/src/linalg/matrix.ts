// Matrices as functions of linear algebra take them: the last two axes of a tensor, those before being a batch. And the
// parts of a matrix: its diagonal, some of its columns.
import { readTensor, readTensors } from "../apply.ts";
import { sameShape, text } from "../axes.ts";
import type { DType } from "../dtype.ts";
import { cast, equal } from "../elementwise.ts";
import { ShapeError } from "../errors.ts";
import { iota } from "../filled.ts";
import { gather } from "../indexing.ts";
import type { Operand } from "../interpreter.ts";
import { broadcastTo, unsqueeze } from "../movement.ts";
import { inFloats } from "../operands.ts";
import type { Shape } from "../ops.ts";
import { broadcast } from "../rules/elementwise.ts";
import { diagonal } from "../shape/diagonals.ts";
import { span } from "../span.ts";
import type { Tensor } from "../tensor.ts";

export interface Sizes {
  readonly batch: Shape;
  readonly rows: number;
  readonly columns: number;
}

/** The sizes of matrices. Throws a ShapeError if x has less than two axes. */
export function sizesOf(op: string, { shape }: Tensor): Sizes {
  if (shape.length < 2) throw new ShapeError(`${op}: wanted matrices, [..., M, N], got shape ${text(shape)}`);
  return { batch: shape.slice(0, -2), rows: shape.at(-2)!, columns: shape.at(-1)! };
}

function checkSquare(op: string, x: Tensor): void {
  const { rows, columns } = sizesOf(op, x);
  if (rows !== columns) throw new ShapeError(`${op}: wanted square matrices, [..., N, N], got shape ${text(x.shape)}`);
}

/** An operand that must hold matrices, as floating-point numbers. */
export function matricesOf(op: string, x: Operand): Tensor {
  const t = inFloats(readTensor(x, op));
  sizesOf(op, t);
  return t;
}

/** An operand that must hold square matrices, by default as floating-point numbers. */
export function squareOf(op: string, x: Operand, as: (t: Tensor) => Tensor = inFloats): Tensor {
  const t = as(readTensor(x, op));
  checkSquare(op, t);
  return t;
}

/** Whether a right side is a vector, or one vector for each of the matrices. */
export const isVectors = (right: Tensor, a: Tensor): boolean =>
  right.shape.length === 1 || sameShape(right.shape, a.shape.slice(0, -1));

/** The operands of A · X = B: square matrices, and right sides with as many rows; their batches broadcast. */
export function systemOf(op: string, a: Operand, b: Operand, vectors = false): readonly [a: Tensor, b: Tensor] {
  const [x, y] = readTensors(op, [a, b]);
  const [left, given] = [inFloats(x), inFloats(y)];
  checkSquare(op, left);
  const right = vectors ? unsqueeze(given, -1) : given;
  if (right.shape.length < 2)
    throw new ShapeError(
      `${op}: the right side is a vector, ${text(given.shape)}; wanted a matrix. Make it one column: unsqueeze(b, -1)`,
    );
  if (right.shape.at(-2) !== left.shape.at(-1))
    throw new ShapeError(
      `${op}: shapes ${text(left.shape)} and ${text(given.shape)} do not fit: the right side must have ${left.shape.at(-1)} rows`,
    );
  const batch = broadcast(op, left.shape.slice(0, -2), right.shape.slice(0, -2));
  const whole = (t: Tensor): Tensor => broadcastTo(t, [...batch, ...t.shape.slice(-2)]);
  return [whole(left), whole(right)];
}

/** The number of each row, [n, 1], or of each column, [1, n]. */
export const lineNumbers = (x: Tensor, n: number, along: "rows" | "columns"): Tensor =>
  along === "rows" ? iota(x, [n, 1]) : iota(x, [1, n], 1);

/** The unit matrix of n rows, on the backend of x and in its dtype. */
export const unit = (x: Tensor, n: number, dtype: DType = x.dtype): Tensor =>
  cast(equal(lineNumbers(x, n, "rows"), lineNumbers(x, n, "columns")), dtype);

/** The diagonal, [..., M, N] → [..., min(M, N)]. */
export const diagonalOf = (x: Tensor): Tensor => diagonal(x, { axes: [-2, -1] });

/** Rows begin…end-1 of matrices. */
export const rowsBetween = (x: Tensor, begin: number, end: number): Tensor =>
  span(x, x.shape.length - 2, begin, end - begin);

/** Columns begin…end-1 of matrices. */
export const columnsBetween = (x: Tensor, begin: number, end: number): Tensor =>
  span(x, x.shape.length - 1, begin, end - begin);

/** The rows of matrices in another order: row i of the result is row order[..., i]. */
export const rowsInOrder = (x: Tensor, order: Tensor): Tensor =>
  gather(x, broadcastTo(unsqueeze(order, -1), x.shape), { axis: -2 });

/** The columns of matrices in another order: column j of the result is column order[..., j]. */
export const columnsInOrder = (x: Tensor, order: Tensor): Tensor =>
  gather(x, broadcastTo(unsqueeze(order, -2), x.shape), { axis: -1 });
