// Derivatives of indexing: the gradient of a read is a write at the same indices, and that of a write is a read.
import { gather, take, type Tensor } from "@weft/tensor";
import { applyOwn } from "@weft/tensor/internals";
import type { Family } from "../rule.ts";
import { RowSparse, zerosLike } from "../sparse.ts";

const scattered = (g: Tensor, x: Tensor, indices: Tensor, axis: number): Tensor =>
  applyOwn("scatterAdd", [zerosLike(x, g.dtype), indices, g], { axis });
const added = (g: Tensor, x: Tensor, indices: Tensor, axis: number): Tensor =>
  applyOwn("indexAdd", [zerosLike(x, g.dtype), indices, g], { axis });

export const indexing: Family<"take" | "indexAdd" | "gather" | "scatterAdd"> = {
  // The gradient stays row-sparse only if it goes directly to a parameter; elsewhere the engine makes it dense.
  take: (_, x, indices, { axis }) => [
    (g) => (axis === 0 ? RowSparse.of(indices, g, x.shape) : added(g, x, indices, axis)),
    undefined,
  ],
  indexAdd: (_, __, indices, ___, { axis }) => [(g) => g, undefined, (g) => take(g, indices, { axis })],
  gather: (_, x, indices, { axis }) => [(g) => scattered(g, x, indices, axis), undefined],
  scatterAdd: (_, __, indices, ___, { axis }) => [(g) => g, undefined, (g) => gather(g, indices, { axis })],
};
