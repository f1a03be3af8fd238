// The matrix product of tensors: batches over the product of matrices, operands read through any strides that leave one
// of the last two axes dense.
import type { Attrs } from "@weft/tensor";
import { aligned, blocksOf, type Call, type CallMemory, type Operand, type Prepared, type Results } from "./call.ts";
import { product, type Layout } from "./product.ts";

/** A matrix operand: its strides along the rows and columns of the product, and along the result's batch axes. */
interface Side {
  readonly row: number;
  readonly column: number;
  readonly batch: readonly number[];
}

function side({ shape, strides }: Operand, transposed: boolean, batchRank: number): Side {
  const n = shape.length;
  const [row, column] = transposed ? [strides[n - 1]!, strides[n - 2]!] : [strides[n - 2]!, strides[n - 1]!];
  const missing = batchRank - (n - 2);
  const batch = Array.from({ length: batchRank }, (_, i) =>
    i < missing || shape[i - missing] === 1 ? 0 : strides[i - missing]!,
  );
  return { row, column, batch };
}

/** Byte offsets of all batches. */
function offsets(shape: readonly number[], strides: readonly number[], bytes: number): Float64Array {
  let list = [0];
  shape.forEach((size, axis) => {
    list = list.flatMap((o) => Array.from({ length: size }, (_, i) => o + i * strides[axis]! * bytes));
  });
  return Float64Array.from(list);
}

/** By rows if the elements of a row are contiguous (or there is one column), else by columns. */
const layout = (row: number, column: number, columns: number): Layout =>
  column === 1 || columns === 1 ? { order: "rows", step: 4 * row } : { order: "columns", step: 4 * column };

function prepare(
  m: CallMemory,
  { transA, transB }: Attrs<"matmul">,
  [out]: Results<Operand>,
  inputs: readonly Operand[],
): Prepared {
  const rank = out.shape.length - 2;
  const batch = out.shape.slice(0, rank);
  const [x, y] = [inputs[0]!, inputs[1]!];
  const a = side(x, transA, rank);
  const b = side(y, transB, rank);
  const M = out.shape[rank]!;
  const N = out.shape[rank + 1]!;
  const K = x.shape[x.shape.length - (transA ? 2 : 1)]!;
  if (out.dtype !== "f32") return plain(m, M, N, K, a, b, batch, out.dtype === "f64" ? "f64" : "i32");

  // Batches of A that share one B and follow each other at equal distances are one tall matrix.
  let [rows, row] = [M, a.row];
  const joins = a.column === 1 || K === 1;
  while (batch.length > 0) {
    const axis = batch.length - 1;
    const size = batch[axis]!;
    if (size !== 1) {
      if (!joins || b.batch[axis] !== 0) break;
      if (rows === 1) row = a.batch[axis]!;
      else if (a.batch[axis] !== rows * row) break;
    }
    rows *= size;
    batch.pop();
  }
  // Threads share one packed B.
  const once = m.threads > 1 && batch.length === 0;
  const one = product(m, rows, N, K, layout(row, a.column, K), layout(b.row, b.column, N), once);
  const { first } = one;
  const as = offsets(batch, a.batch, 4);
  const bs = offsets(batch, b.batch, 4);
  return {
    units: as.length * one.units,
    scratch: aligned(one.scratch),
    grain: one.grain ?? 1,
    products: as.length * rows * N * K,
    ...(first && {
      first: { ...first, run: ([to], [, pb], _scratch, begin, end) => first.run(to, pb!, begin, end) },
    }),
    run: ([c], [pa, pb], scratch, begin, end, common) =>
      blocksOf(begin, end, one.units, (i, from, to) =>
        one.run(pa! + as[i]!, pb! + bs[i]!, c + i * rows * N * 4, scratch, from, to, false, first && common.first),
      ),
  };
}

/** By the definition, for dtypes in which nothing is trained. */
function plain(
  m: CallMemory,
  M: number,
  N: number,
  K: number,
  a: Side,
  b: Side,
  batch: readonly number[],
  dtype: "f64" | "i32",
): Prepared {
  const bytes = dtype === "f64" ? 8 : 4;
  const as = offsets(batch, a.batch, 1);
  const bs = offsets(batch, b.batch, 1);
  return {
    units: as.length * M,
    scratch: 0,
    run: ([out], inputs, _scratch, begin, end) => {
      const x = m[dtype];
      const multiply = dtype === "i32" ? Math.imul : (p: number, q: number): number => p * q;
      let c = out / bytes + begin * N;
      blocksOf(begin, end, M, (n, from, to) => {
        const pa = inputs[0]! / bytes + as[n]!;
        const pb = inputs[1]! / bytes + bs[n]!;
        for (let i = from; i < to; i++)
          for (let j = 0; j < N; j++) {
            let sum = 0;
            for (let k = 0; k < K; k++)
              sum += multiply(x[pa + i * a.row + k * a.column]!, x[pb + k * b.row + j * b.column]!);
            x[c++] = sum;
          }
      });
    },
  };
}

export const matmul: Call<Attrs<"matmul">> = {
  accepts: (_input, { shape, strides }) => {
    const n = shape.length;
    const dense = (axis: number): boolean => shape[axis] === 1 || strides[axis] === 1;
    return n >= 2 && (dense(n - 1) || dense(n - 2)) && strides.every((s) => s >= 0);
  },
  epilogue: true,
  prepare,
};
