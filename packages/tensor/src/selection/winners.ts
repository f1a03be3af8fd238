// Which of several updates of one place wins: the last one, on every backend, however its work is divided.
import { applyRead } from "../apply.ts";
import { add, less, sub, where } from "../elementwise.ts";

import { notEqual } from "../activations.ts";
import { filled } from "../filled.ts";
import { concat, reshape } from "../movement.ts";
import { argsort } from "../reduce.ts";
import type { Value } from "../interpreter.ts";
import { inDType } from "../operands.ts";
import { span } from "../span.ts";
import type { Tensor } from "../tensor.ts";
import { wrapped } from "./wrapping.ts";

/** Indices sorted along an axis: where each came from, and whether it is the last of its equals. */
export interface Runs {
  readonly order: Tensor;
  readonly sorted: Tensor;
  readonly last: Tensor;
}

/** Indices sorted along an axis of at least one element. The sort is stable, so equals keep their order. */
export function runsOf(index: Tensor, axis: number): Runs {
  const order = argsort(index, { axis });
  const sorted = applyRead("gather", [index, order], { axis });
  const n = index.shape[axis]!;
  const changes = notEqual(span(sorted, axis, 0, n - 1), span(sorted, axis, 1, n - 1));
  const end = filled(index, 1, index.shape.with(axis, 1), "bool");
  return { order, sorted, last: concat([changes, end], { axis }) };
}

/**
 * For each of `size` places along an axis: 1 + the number of the last index that names it, 0 if none does.
 */
export function winners(index: Tensor, size: number, axis: number): Tensor {
  const zeros = filled(index, 0, index.shape.with(axis, size), "i32");
  if (index.shape[axis] === 0) return zeros;
  const { order, sorted, last } = runsOf(index, axis);
  return applyRead("scatterAdd", [zeros, sorted, where(last, add(order, 1), 0)], { axis });
}

/** The number of each winner, or of any update where there is none. */
export const numbered = (winner: Tensor, count: number): Tensor => wrapped(sub(winner, 1), count);

/**
 * x with rows replaced along an axis: those at `index`, a vector, become `rows`, a number or a tensor with a row for
 * each index. The gradient of a row goes to the last one that was assigned to its place.
 */
export function assigned(x: Tensor, index: Tensor, rows: Value, axis: number): Tensor {
  const size = x.shape[axis]!;
  const winner = winners(index, size, 0);
  const wide = reshape(
    less(0, winner),
    x.shape.map((d, i) => (i === axis ? d : 1)),
  );
  if (typeof rows === "number") return inDType(where(wide, rows, x), x.dtype);
  if (index.shape[0] === 0) return x;
  const chosen = applyRead("take", [rows, numbered(winner, index.shape[0]!)], { axis });
  return inDType(where(wide, chosen, x), x.dtype);
}
