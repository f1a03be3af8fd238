// The meaning of the matrix product: sums of products, matrix by matrix.
import type { LinalgOps } from "@weft/tensor/internals";
import { offsets, sizeOf, stretched, type Kernels } from "./kernels.ts";

export const linalg: Kernels<keyof LinalgOps> = {
  matmul: ([a, b], { transA, transB }, shape) => {
    const [rows, columns] = [shape.at(-2)!, shape.at(-1)!];
    const inner = a!.shape.at(transA ? -2 : -1)!;
    const batch = shape.slice(0, -2);
    const starts = (of: readonly number[]): Int32Array => offsets(batch, stretched(of.slice(0, -2), batch));
    const [p, q] = [starts(a!.shape), starts(b!.shape)];
    const [aRow, aInner] = transA ? [1, rows] : [inner, 1];
    const [bInner, bColumn] = transB ? [1, inner] : [columns, 1];
    const result = new Float64Array(sizeOf(shape));
    for (let n = 0, at = 0; n < p.length; n++)
      for (let i = 0; i < rows; i++)
        for (let j = 0; j < columns; j++, at++) {
          let x = p[n]! * rows * inner + i * aRow;
          let y = q[n]! * inner * columns + j * bColumn;
          let sum = 0;
          for (let k = 0; k < inner; k++, x += aInner, y += bInner) sum += a!.data[x]! * b!.data[y]!;
          result[at] = sum;
        }
    return result;
  },
};
