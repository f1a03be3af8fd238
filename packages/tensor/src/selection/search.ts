// Searching sorted numbers. Each step of a binary search halves the part in question for all values at once.
import { applyRead, readTensor, readTensors } from "../apply.ts";
import { sameShape, sizeOf, text } from "../axes.ts";
import { inNameOf } from "../context.ts";
import { filled } from "../filled.ts";
import { isFloat, promote } from "../dtype.ts";
import { add, and, equal, isNaN, less, lessEqual, minimum, not, or, sub, where } from "../elementwise.ts";
import { ShapeError } from "../errors.ts";
import type { Operand } from "../interpreter.ts";
import { reshape } from "../movement.ts";
import { inDType, inNumbers } from "../operands.ts";
import { oneOf, readOptions, type OptionKinds } from "../options.ts";
import { argsort } from "../reduce.ts";
import type { Tensor } from "../tensor.ts";
import { wrapped } from "./wrapping.ts";

export interface SearchOptions {
  /** Where a value that equals an element belongs: before it ("left", the default) or behind it. */
  readonly side?: "left" | "right";
}
const searchKinds: OptionKinds<SearchOptions> = { side: oneOf("left", "right") };
type Side = NonNullable<SearchOptions["side"]>;

/** Whether elements stand before the place of the values; NaN is larger than all numbers. */
function before(side: Side, elements: Tensor, values: Tensor): Tensor {
  const smaller = side === "left" ? less(elements, values) : lessEqual(elements, values);
  if (!isFloat(values.dtype)) return smaller;
  const last = side === "left" ? and(isNaN(values), not(isNaN(elements))) : isNaN(values);
  return or(smaller, last);
}

/**
 * The number of elements that stand before the place of each value, along the last axis. A binary search that halves as
 * PyTorch's does, so that it ends in the same place among elements that are not sorted.
 */
export function placesIn(sorted: Tensor, values: Tensor, side: Side): Tensor {
  const { shape } = sorted;
  const n = shape.at(-1)!;
  const rows = shape.length > 1;
  let [low, high] = [0, n].map((k) => filled(values, k, values.shape, "i32")) as [Tensor, Tensor];
  for (let most = n; most > 0; most >>= 1) {
    const middle = add(low, applyRead("shiftRight", [sub(high, low), 1], undefined));
    const index = wrapped(middle, n);
    const elements = rows
      ? applyRead("gather", [sorted, index], { axis: shape.length - 1 })
      : applyRead("take", [sorted, index], { axis: 0 });
    const behind = and(less(low, high), before(side, elements, values));
    low = where(behind, add(middle, 1), low);
    high = where(behind, high, middle);
  }
  return low;
}

function search(op: string, sorted: Operand, values: Operand, options: SearchOptions | undefined): Tensor {
  const { side } = readOptions(op, options, searchKinds, { side: "left" as const });
  const s = inNumbers(readTensor(sorted, op, values));
  const { shape } = s;
  const v =
    typeof values === "number"
      ? filled(s, values, [], s.dtype === "i32" && (values | 0) !== values ? "f32" : s.dtype)
      : inNumbers(readTensor(values, op, s));
  if (shape.length !== 1 && (shape.length === 0 || !sameShape(shape.slice(0, -1), v.shape.slice(0, -1))))
    throw new ShapeError(
      `${op}: shapes ${text(shape)} and ${text(v.shape)} do not fit: all axes but the last must have equal sizes`,
    );
  const dtype = promote(s.dtype, v.dtype);
  return inNameOf(op, () => placesIn(inDType(s, dtype), inDType(v, dtype), side));
}

/**
 * Where values belong in a sorted vector so that it stays sorted (`i32`): the number of elements smaller than each, or
 * with `side: "right"` of those not larger. Sorted rows are searched for the values of the same row. NaN is last.
 *
 * @example searchsorted(tensor([1, 3, 5]), tensor([3, 4, 9])) // [1, 2, 3]
 */
export const searchsorted = (sorted: Operand, values: Operand, options?: SearchOptions): Tensor =>
  search("searchsorted", sorted, values, options);

/**
 * The number of the bucket of each element of x (`i32`), between sorted boundaries. A boundary belongs to the bucket
 * below it, with `side: "right"` to that above.
 *
 * @example bucketize(tensor([3, 6, 9]), tensor([1, 3, 5, 7])) // [1, 3, 4]
 */
export const bucketize = (x: Operand, boundaries: Operand, options?: SearchOptions): Tensor =>
  search("bucketize", boundaries, x, options);

/**
 * Whether each element of x is among the values, as `bool`. NaN is among none.
 *
 * @example isin(tensor([[1, 2], [3, 4]]), tensor([2, 4, 6])) // [[0, 1], [0, 1]]
 */
export function isin(x: Operand, values: Operand): Tensor {
  const [t, all] = readTensors("isin", [x, values]);
  const count = sizeOf(all.shape);
  const dtype = promote(inNumbers(t).dtype, inNumbers(all).dtype);
  return inNameOf("isin", () => {
    if (count === 0) return filled(t, 0, t.shape, "bool");
    const flat = reshape(inDType(all, dtype), [count]);
    const sorted = applyRead("gather", [flat, argsort(flat)], { axis: 0 });
    const own = inDType(t, dtype);
    const place = minimum(placesIn(sorted, own, "left"), count - 1);
    return equal(applyRead("take", [sorted, wrapped(place, count)], { axis: 0 }), own);
  });
}
