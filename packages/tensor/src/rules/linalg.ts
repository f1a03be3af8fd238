// The rule of the matrix product: rows by columns on the last two axes; the leading axes broadcast.
import { text } from "../axes.ts";
import { ShapeError } from "../errors.ts";
import type { LinalgOps } from "../ops.ts";
import { broadcast } from "./elementwise.ts";
import { sameTwo, tensorAt, type DTypeRules, type ShapeRules } from "./table.ts";

export const linalgShapes: ShapeRules<keyof LinalgOps> = {
  matmul: (inputs, { transA, transB }, op) => {
    const a = tensorAt(op, inputs, 0).shape;
    const b = tensorAt(op, inputs, 1).shape;
    const [p, q] = [a.length, b.length];
    if (p < 2 || q < 2)
      throw new ShapeError(`${op}: shapes ${text(a)} and ${text(b)} do not fit: both operands need at least two axes`);
    const inner = a[transA ? p - 2 : p - 1]!;
    const other = b[transB ? q - 1 : q - 2]!;
    if (inner !== other)
      throw new ShapeError(
        `${op}: shapes ${text(a)}${transA ? " (transposed)" : ""} and ${text(b)}${transB ? " (transposed)" : ""} do not fit: the inner sizes ${inner} and ${other} must be equal`,
      );
    const rows = a[transA ? p - 1 : p - 2]!;
    const columns = b[transB ? q - 2 : q - 1]!;
    if (p === 2 && q === 2) return [rows, columns];
    return [...broadcast(op, a.slice(0, -2), b.slice(0, -2)), rows, columns];
  },
};

export const linalgDTypes: DTypeRules<keyof LinalgOps> = {
  matmul: sameTwo,
};
