// Reductions that leave out what is NaN.
import { readTensor } from "../apply.ts";
import { isFloat } from "../dtype.ts";
import { div, isNaN, not, where } from "../elementwise.ts";
import { composed } from "../formula.ts";
import type { Operand } from "../interpreter.ts";
import { inFloats, inNumbers } from "../operands.ts";
import { readOptions } from "../options.ts";
import { max, min, reduceOptions, sum, type ReduceOptions } from "../reduce.ts";
import { all } from "../statistics.ts";
import type { Tensor } from "../tensor.ts";

type How = Pick<ReduceOptions, "axis"> & { readonly keepDims: boolean };

function skipping(
  op: string,
  x: Operand,
  options: ReduceOptions | undefined,
  f: (t: Tensor, missing: Tensor, how: How) => Tensor,
): Tensor {
  const how = readOptions(op, options, reduceOptions, { keepDims: false });
  const t = readTensor(x, op);
  return composed(op, () => f(t, isNaN(t), how));
}

/**
 * The sum over axes of the elements that are not NaN; 0 if all are.
 *
 * @example nanSum(tensor([1, NaN, 2])) // 3
 */
export const nanSum = (x: Operand, options?: ReduceOptions): Tensor =>
  skipping("nanSum", x, options, (t, missing, how) => sum(where(missing, 0, inNumbers(t)), how));

/**
 * The mean over axes of the elements that are not NaN; NaN if all are.
 *
 * @example nanMean(tensor([1, NaN, 2])) // 1.5
 */
export const nanMean = (x: Operand, options?: ReduceOptions): Tensor =>
  skipping("nanMean", x, options, (t, missing, how) =>
    div(sum(where(missing, 0, inFloats(t)), how), sum(not(missing), how)),
  );

/** An extreme of the numbers, which are all nearer to it than `farthest`. */
const extreme =
  (f: (x: Tensor, how: How) => Tensor, farthest: number) =>
  (t: Tensor, missing: Tensor, how: How): Tensor =>
    isFloat(t.dtype) ? where(all(missing, how), NaN, f(where(missing, farthest, t), how)) : f(t, how);

/**
 * The largest over axes of the elements that are not NaN; NaN if all are. As NumPy's `nanmax`.
 *
 * @example nanMax(tensor([1, NaN, 2])) // 2
 */
export const nanMax = (x: Operand, options?: ReduceOptions): Tensor =>
  skipping("nanMax", x, options, extreme(max, -Infinity));

/** The smallest over axes of the elements that are not NaN, like `nanMax`. @example nanMin(tensor([NaN, 2])) // 2 */
export const nanMin = (x: Operand, options?: ReduceOptions): Tensor =>
  skipping("nanMin", x, options, extreme(min, Infinity));
