// Reading elements by their places.
import { applyRead, placed, readTensor } from "../apply.ts";
import { sameShape } from "../axes.ts";
import { inNameOf } from "../context.ts";
import type { Operand } from "../interpreter.ts";
import { reshape } from "../movement.ts";
import { partsOf } from "../span.ts";
import type { Tensor } from "../tensor.ts";
import { isOperand, mergedRows, selection, type Place } from "./places.ts";

/**
 * The elements of x at one place per axis, as NumPy's `x[…]`: a position (negative ones count from the end), a range
 * `{ start, end, step }`, `":"` for all, a list of integers, or an integer tensor. `"..."` stands for the axes that are
 * left, `null` for a new axis. Several lists and tensors broadcast against each other, and their axes are where the
 * first of them is; or first, if a range is between them. Positions out of range are an IndexError: at the call for
 * numbers and lists, at each read of the result for tensors.
 *
 * @example at(tensor([[1, 2], [3, 4], [5, 6]]), -1, 0) // 5
 * @example tensor([[1, 2], [3, 4], [5, 6]]).at({ start: 1 }, ":") // [[3, 4], [5, 6]]
 * @example at(tensor([[1, 2], [3, 4], [5, 6]]), [2, 0], [1, 0]) // [6, 1]
 */
export function at(x: Operand, ...places: Place[]): Tensor {
  const t = readTensor(x, "at", placed([x, ...places.filter(isOperand)]));
  return inNameOf("at", () => {
    const { parts, rows, sliced } = selection("at", t, places);
    const part = partsOf(t, parts);
    if (rows === undefined) return reshape(part, sliced);
    // Rows of a parameter keep a row-sparse gradient if nothing is between it and `take`.
    const y = sameShape(part.shape, sliced) ? part : reshape(part, sliced);
    return applyRead("take", [mergedRows(y, rows), rows.index], { axis: rows.axis });
  });
}
