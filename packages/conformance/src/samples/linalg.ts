// Samples of matrix products: all four transposes at sizes around the blocks of a kernel, and every form of batch.
import * as weft from "@weft/tensor";
import { apply } from "@weft/tensor";
import type { LinalgOps } from "@weft/tensor/internals";
import { booleans, distinct, floats, grid, integers, sample, values, type Collection, type Sample } from "../sample.ts";

/** Rows, inner size, columns. */
const sizes = [
  [1, 1, 1],
  [5, 7, 3],
  [4, 8, 8],
  [17, 33, 65],
  [64, 64, 64],
  [1, 130, 5],
  [130, 3, 1],
  [6, 1, 9],
] as const;

const transposes = [false, true].flatMap((transA) => [false, true].map((transB) => ({ transA, transB })));

const plain: Sample[] = transposes.flatMap((attrs) =>
  sizes.map(([m, k, n]) => {
    const a = attrs.transA ? floats(k, m) : floats(m, k);
    const b = attrs.transB ? floats(n, k) : floats(k, n);
    const name = `${m}x${k}x${n}${attrs.transA ? ", a transposed" : ""}${attrs.transB ? ", b transposed" : ""}`;
    return sample(name, [a, b], (x, y) => apply("matmul", [x, y], attrs), { order: m * k * n > 1000 ? 1 : 2 });
  }),
);
const batches: Sample[] = transposes.map((attrs) =>
  sample(
    `batches that broadcast, ${attrs.transA}, ${attrs.transB}`,
    [attrs.transA ? floats(2, 1, 4, 3) : floats(2, 1, 3, 4), attrs.transB ? floats(3, 5, 4) : floats(3, 4, 5)],
    (x, y) => apply("matmul", [x, y], attrs),
  ),
);

export const linalg: Collection<keyof LinalgOps | "dot" | "outer" | "einsum" | "cross" | "tensordot" | "cdist"> = {
  family: "linalg",
  samples: {
    matmul: [
      ...plain,
      ...batches,
      sample("a batch on the left", [floats(5, 4, 3), floats(3, 6)], weft.matmul),
      sample("a batch on the right", [floats(4, 3), floats(5, 3, 6)], weft.matmul),
      sample("a vector on the left", [floats(6), floats(6, 3)], weft.matmul),
      sample("a vector on the right", [floats(3, 6), floats(6)], weft.matmul),
      sample("a vector beside a batch", [floats(2, 3, 6), floats(6)], weft.matmul),
      sample("two vectors", [floats(33), floats(33)], weft.matmul),
      sample("a matrix with itself", [floats(5, 5)], (x) => weft.matmul(x, x)),
      sample("a matrix with its transpose", [floats(5, 3)], (x) => weft.matmul(x, weft.transpose(x))),
      sample("i32 and f32", [integers(-3, 4, 3, 5), floats(5, 2)], weft.matmul),
      sample("i32, exactly, and wrapping", [values([2 ** 24 + 1, 1, -7, 2 ** 31 - 1], "i32", [2, 2]), values([1, 3, 2, 2 ** 24 + 3], "i32", [2, 2])], weft.matmul), // prettier-ignore
      sample("i32 in batches", [integers(-(2 ** 20), 2 ** 20, 2, 1, 3, 5), integers(-99, 100, 3, 5, 4)], weft.matmul),
      sample("i32 with a transpose", [integers(-(2 ** 20), 2 ** 20, 9, 33)], (x) => weft.matmul(x, weft.transpose(x))),
      sample("i32 vectors", [values([2 ** 24 + 1, 5], "i32"), values([1, 0], "i32")], weft.matmul),
      sample("bool and i32", [booleans(4, 7), integers(2 ** 24, 2 ** 25, 7, 3)], weft.matmul),
      sample("no inner elements of i32", [integers(0, 9, 3, 0), integers(0, 9, 0, 2)], weft.matmul),
      sample("no inner elements", [floats(3, 0), floats(0, 2)], weft.matmul),
      sample("no inner elements of a batch", [floats(2, 3, 0), floats(0, 2)], weft.matmul),
      sample("no rows", [floats(0, 3), floats(3, 2)], weft.matmul),
      sample("no batches", [floats(0, 2, 3), floats(3, 2)], weft.matmul),
      sample("NaN and infinity", [values([1, NaN, Infinity, 0], "f32", [2, 2]), values([0, 1, 2, 0], "f32", [2, 2])], weft.matmul, { differentiable: [] }), // prettier-ignore
    ],
    dot: [
      sample("33 elements", [floats(33), floats(33)], weft.dot),
      sample("nothing", [floats(0), floats(0)], weft.dot),
    ],
    outer: [sample("5 and 7", [floats(5), floats(7)], weft.outer)],
    einsum: [
      sample("a product of matrices", [floats(3, 4), floats(4, 5)], (a, b) => weft.einsum("ij,jk->ik", a, b)),
      sample("a product of transposes", [floats(4, 3), floats(5, 4)], (a, b) => weft.einsum("ji,kj->ik", a, b)),
      sample("a sum", [floats(3, 4)], (a) => weft.einsum("ij->", a)),
      sample("a diagonal", [floats(4, 4)], (a) => weft.einsum("ii->i", a)),
      sample("i32, exactly", [integers(2 ** 24, 2 ** 25, 3, 4), integers(-9, 9, 4, 5)], (a, b) =>
        weft.einsum("ij,jk->ik", a, b),
      ),
      sample("a trace", [floats(4, 4)], (a) => weft.einsum("ii", a)),
      sample("transposes of a batch", [floats(2, 3, 4)], (a) => weft.einsum("...ij->...ji", a)),
      sample("a batch", [floats(2, 3, 4), floats(2, 4, 5)], (a, b) => weft.einsum("bij,bjk->bik", a, b)),
      sample("two axes at once", [floats(2, 3, 4), floats(4, 3, 5)], (a, b) => weft.einsum("ijk,kjl->il", a, b)),
      sample("three operands", [floats(3, 4), floats(4, 5), floats(5)], (a, b, c) =>
        weft.einsum("ij,jk,k->i", a, b, c),
      ),
      sample("an outer product", [floats(3), floats(4)], (a, b) => weft.einsum("i,j->ij", a, b)),
      sample("a bilinear form", [floats(5, 3), floats(2, 3, 4), floats(5, 4)], (a, w, b) => weft.einsum("ni,oij,nj->no", a, w, b)), // prettier-ignore
    ],
    cross: [
      sample("rows that broadcast", [floats(2, 3), floats(3)], (a, b) => weft.cross(a, b)),
      sample("along axis 0, i32", [integers(-9, 9, 3, 2), integers(-9, 9, 3, 2)], (a, b) =>
        weft.cross(a, b, { axis: 0 }),
      ),
    ],
    tensordot: [
      sample("two axes", [floats(2, 3, 4), floats(3, 4, 2)], (a, b) => weft.tensordot(a, b)),
      sample("lists of axes", [floats(2, 3), floats(3, 2)], (a, b) => weft.tensordot(a, b, { axes: [[0], [-1]] })),
      sample("no axes", [floats(2), floats(0)], (a, b) => weft.tensordot(a, b, { axes: 0 })),
    ],
    cdist: [
      sample("batches that broadcast", [floats(2, 1, 2, 3), floats(2, 4, 3)], (a, b) => weft.cdist(a, b)),
      sample("of order 3", [floats(2, 3), floats(3, 3)], (a, b) => weft.cdist(a, b, { p: 3 })),
      sample("of order infinity", [distinct(2, 3), grid(2, 3)], (a, b) => weft.cdist(a, b, { p: Infinity }), {
        order: 0,
      }),
    ],
  },
};
