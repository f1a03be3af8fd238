// The derivative of the matrix product: two matrix products.
import { reshape, type Attrs, type Tensor } from "@weft/tensor";
import { applyOwn } from "@weft/tensor/internals";
import type { Family } from "../rule.ts";

const product = (a: Tensor, b: Tensor, transA: boolean, transB: boolean): Tensor =>
  applyOwn("matmul", [a, b], { transA, transB });

/** All matrices of a batch stacked as the rows of one matrix. */
const rows = (x: Tensor): Tensor => reshape(x, [-1, x.shape.at(-1)!]);

function right(g: Tensor, a: Tensor, b: Tensor, { transA, transB }: Attrs<"matmul">): Tensor {
  // For a weight shared by a batch, one product over all rows replaces a batch of products and their sum.
  const flat = b.shape.length === 2 && a.shape.length > 2 && !transA && a.size > 0 && g.size > 0;
  const [h, x] = flat ? [rows(g), rows(a)] : [g, a];
  return transB ? product(h, x, true, transA) : product(x, h, !transA, false);
}

export const linalg: Family<"matmul"> = {
  matmul: (_, a, b, attrs) => [
    (g) => (attrs.transA ? product(b, g, attrs.transB, true) : product(g, b, false, !attrs.transB)),
    (g) => right(g, a, b, attrs),
  ],
};
