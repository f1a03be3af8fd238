// Diagonals of matrices. A diagonal is every (columns + 1)-th element of the flattened matrix, so reading one is a
// slice, and writing one is padding between neighbors.
import { applyRead, readTensor } from "../apply.ts";
import { axisOf, listOf, text } from "../axes.ts";
import { inNameOf } from "../context.ts";
import { ShapeError } from "../errors.ts";
import type { Operand } from "../interpreter.ts";
import { permute, reshape } from "../movement.ts";
import { integer, list, readOptions, type OptionKinds } from "../options.ts";
import { sum } from "../reduce.ts";
import { span } from "../span.ts";
import type { Tensor } from "../tensor.ts";

export interface DiagonalOptions {
  /** Which diagonal: 0 is the main one, positive ones are above it, negative ones below. */
  readonly k?: number;
  /** The axes of rows and columns. */
  readonly axes?: readonly number[];
}
const kinds: OptionKinds<DiagonalOptions> = { k: integer, axes: list };

/** The axes of rows and columns, counted from the front. */
function rowsAndColumns(op: string, axes: readonly number[], shape: readonly number[], extra = 0): [number, number] {
  const named = listOf(op, "axes", axes);
  const [rows, columns] = named.map((axis) => axisOf(op, axis, shape, extra));
  if (named.length !== 2 || rows === columns)
    throw new ShapeError(`${op}: wanted two different axes, of rows and columns, got ${text(named)}`);
  return [rows!, columns!];
}

function diagonalOf(op: string, t: Tensor, { k, axes }: Required<DiagonalOptions>): Tensor {
  const { shape } = t;
  if (shape.length < 2) throw new ShapeError(`${op}: wanted at least two axes, got shape ${text(shape)}`);
  const [rows, columns] = rowsAndColumns(op, axes, shape);
  const rest = shape.map((_, i) => i).filter((i) => i !== rows && i !== columns);
  const [n, m] = [shape[rows]!, shape[columns]!];
  const length = Math.max(0, Math.min(n + Math.min(k, 0), m - Math.max(k, 0)));
  const sizes = rest.map((i) => shape[i]!);
  const flat = reshape(permute(t, [...rest, rows, columns]), [...sizes, n * m]);
  return span(flat, rest.length, length === 0 ? 0 : k < 0 ? -k * m : k, length, m + 1);
}

/**
 * The k-th diagonal over two axes (by default the first two), as a new last axis: y[…, i] = x[i, i + k, …] for k ≥ 0
 * and x[i − k, i, …] below. Like PyTorch's `diagonal`.
 *
 * @example diagonal(tensor([[1, 2, 3], [4, 5, 6]]), { k: 1 }) // [2, 6]
 */
export function diagonal(x: Operand, options?: DiagonalOptions): Tensor {
  const read = readOptions("diagonal", options, kinds, { k: 0, axes: [0, 1] });
  const t = readTensor(x, "diagonal");
  return inNameOf("diagonal", () => diagonalOf("diagonal", t, read));
}

/**
 * The sum of a diagonal over two axes, by default the first two.
 *
 * @example trace(tensor([[1, 2], [3, 4]])) // 5
 */
export function trace(x: Operand, options?: DiagonalOptions): Tensor {
  const read = readOptions("trace", options, kinds, { k: 0, axes: [0, 1] });
  const t = readTensor(x, "trace");
  return inNameOf("trace", () => sum(diagonalOf("trace", t, read), { axis: -1 }));
}

/**
 * Matrices with the last axis of x on the k-th diagonal and 0 elsewhere. Their rows and columns are the `axes` of the
 * result, by default the last two. Like PyTorch's `diag_embed`.
 *
 * @example diagEmbed(tensor([1, 2]), { k: 1 }) // [[0, 1, 0], [0, 0, 2], [0, 0, 0]]
 */
export function diagEmbed(x: Operand, options?: DiagonalOptions): Tensor {
  const { k, axes } = readOptions("diagEmbed", options, kinds, { k: 0, axes: [-2, -1] });
  const t = readTensor(x, "diagEmbed");
  const { shape } = t;
  if (shape.length === 0) throw new ShapeError("diagEmbed: wanted at least one axis, got a scalar");
  const [rows, columns] = rowsAndColumns("diagEmbed", axes, shape, 1);
  const length = shape.at(-1)!;
  const n = length + Math.abs(k);
  const start = k < 0 ? -k * n : k;
  const last = shape.length - 1;
  const before = shape.map(() => 0).with(last, length === 0 ? n * n : start);
  const after = shape.map(() => 0).with(last, length === 0 ? 0 : n * n - start - (length - 1) * (n + 1) - 1);
  const interior = shape.map(() => 0).with(last, n);
  // Where each axis of the result comes from.
  const order: number[] = [];
  const rest = shape.keys();
  for (let i = 0; i <= shape.length; i++)
    order.push(i === rows ? shape.length - 1 : i === columns ? shape.length : rest.next().value!);
  return inNameOf("diagEmbed", () => {
    const flat = applyRead("pad", [t], { before, after, interior, value: 0 });
    return permute(reshape(flat, [...shape.slice(0, -1), n, n]), order);
  });
}

/**
 * The matrix with a vector on its k-th diagonal, or the k-th diagonal of a matrix.
 *
 * @example diag(tensor([1, 2])) // [[1, 0], [0, 2]]
 */
export function diag(x: Operand, options?: { k?: number }): Tensor {
  const { k } = readOptions("diag", options, { k: integer }, { k: 0 });
  const t = readTensor(x, "diag");
  const { length } = t.shape;
  if (length !== 1 && length !== 2)
    throw new ShapeError(`diag: wanted a vector or a matrix, got shape ${text(t.shape)}; use diagonal or diagEmbed`);
  return inNameOf("diag", () => (length === 1 ? diagEmbed(t, { k }) : diagonal(t, { k })));
}
