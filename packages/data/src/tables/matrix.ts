// Columns side by side.
import { ArgumentError, ShapeError } from "@weft/tensor";
import { dtypeInfo } from "@weft/tensor/internals";
import { readArray, show, valueAt, type HostArray, type Numbers } from "../host-array.ts";

/**
 * Columns side by side: N rows of F numbers, as models take them. The result is `f64` if a column is, else `f32`.
 *
 * Shapes: F columns `[N]` give `[N, F]`. Errors: ShapeError for other shapes and for different lengths.
 *
 * @example
 * const { data, shape } = matrix([[1, 2, 3], Int32Array.of(4, 5, 6)]);
 * shape; // [3, 2]
 * [...data]; // [1, 4, 2, 5, 3, 6]
 */
export function matrix(columns: readonly Numbers[]): HostArray<Float32Array | Float64Array> {
  const all = Array.from(columns, (column, i) => readArray(column, "matrix", `column ${i}`));
  const [first] = all;
  if (first === undefined) throw new ArgumentError("matrix: wanted at least one column, got none.");
  const wrong = all.findIndex(({ shape }) => shape.length !== 1 || shape[0] !== first.shape[0]);
  if (wrong >= 0)
    throw new ShapeError(`matrix: column ${wrong} is ${show(all[wrong]!)}, wanted columns [N] of one length.`);
  const dtype = all.some((x) => x.dtype === "f64") ? "f64" : "f32";
  const rows = first.shape[0]!;
  const data = new dtypeInfo[dtype].array(rows * all.length);
  all.forEach((x, c) => {
    const value = valueAt(x);
    for (let r = 0; r < rows; r++) data[r * all.length + c] = value(r);
  });
  return { data, shape: [rows, all.length], dtype };
}
