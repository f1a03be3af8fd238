// Inverses and solutions of systems of equations, by the LU decomposition.
import { applyFused, applyFusedRead, readTensors } from "../apply.ts";
import { text } from "../axes.ts";
import { neg } from "../elementwise.ts";
import { ShapeError } from "../errors.ts";
import { composed } from "../formula.ts";
import type { FusedOp } from "../fused.ts";
import type { Operand, Value } from "../interpreter.ts";
import { matmul } from "../linalg.ts";
import { broadcastTo, squeeze, transpose } from "../movement.ts";
import { boolean, readOptions, refuseMore } from "../options.ts";
import { likeFirst, tensorAt } from "../rules/table.ts";
import type { Tensor } from "../tensor.ts";
import { factors, solveFactored } from "./lu.ts";
import { isVectors, squareOf, systemOf, unit } from "./matrix.ts";

const solved = (a: Value, b: Value): Tensor => applyFused(solveOp, [a, b], undefined)[0]!;

/** X with A · X = B, for matrices A and B of one batch. */
const solveOp: FusedOp<undefined> = {
  name: "solve",
  promotes: true,
  infer: (inputs) => {
    const { shape, dtype } = tensorAt("solve", inputs, 1);
    return [{ shape, dtype }];
  },
  fallback: ([a, b]) => {
    const { packed, order } = factors(a as Tensor);
    return [solveFactored(packed, order, b as Tensor)];
  },
  gradient: ([x], [a]) => {
    const back = (g: Tensor): Tensor => solved(transpose(a as Tensor), g);
    return [(g) => neg(matmul(back(g), transpose(x!))), back];
  },
};

/**
 * X with A · X = B, [..., N, N] and [..., N, K] → [..., N, K]; with `left: false` X with X · A = B. B may be a vector,
 * [N], or a batch of them with the leading axes of A, [..., N]; else the leading axes broadcast. A singular matrix gives
 * infinities and NaN. Throws a ShapeError if the sizes do not fit. Slow for large matrices. As `torch.linalg.solve`.
 *
 * @example solve(tensor([[2, 0], [1, 1]]), tensor([2, 3])) // [1, 2]
 */
export function solve(a: Operand, b: Operand, options?: { left?: boolean }): Tensor {
  const { left } = readOptions("solve", options, { left: boolean }, { left: true });
  return composed("solve", () => {
    const [given, right] = readTensors("solve", [a, b]);
    const x = squareOf("solve", given);
    const vectors = isVectors(right, x);
    if (left) {
      const y = solved(...systemOf("solve", x, right, vectors));
      return vectors ? squeeze(y, -1) : y;
    }
    if (vectors) throw new ShapeError(`solve: wanted matrices on the right with left: false, got ${text(right.shape)}`);
    return transpose(solved(...systemOf("solve", transpose(x), transpose(right))));
  });
}

const inverseOp: FusedOp<undefined> = {
  name: "inv",
  infer: likeFirst("inv"),
  fallback: ([given]) => {
    const a = given as Tensor;
    const { packed, order } = factors(a);
    return [solveFactored(packed, order, broadcastTo(unit(a, a.shape.at(-1)!), a.shape))];
  },
  gradient: ([y]) => [(g) => neg(matmul(transpose(y!), matmul(g, transpose(y!))))],
};

/**
 * The inverses of square matrices, [..., N, N]; infinities and NaN of a singular matrix. Slow for large matrices. As
 * `torch.linalg.inv`; `solve` is faster and more precise than a product with an inverse.
 *
 * @example inv(tensor([[2, 0], [0, 4]])) // [[0.5, 0], [0, 0.25]]
 */
export function inv(a: Operand): Tensor;
export function inv(a: Operand, more?: unknown): Tensor {
  refuseMore("inv", more);
  const x = squareOf("inv", a);
  return composed("inv", () => applyFusedRead(inverseOp, [x], undefined)[0]!);
}
