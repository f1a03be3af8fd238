// Quantiles: places between the elements of a row in order.
import { fullRowsOf } from "../along.ts";
import { placed, readTensor } from "../apply.ts";
import { axesOf, sizeOf, text } from "../axes.ts";
import { hostArray } from "../creation.ts";
import { add, and, cast, ceil, equal, floor, less, lessEqual, maximum, minimum, mul, round } from "../elementwise.ts";
import { sub, where } from "../elementwise.ts";
import { ShapeError } from "../errors.ts";
import { filled } from "../filled.ts";
import { composed } from "../formula.ts";
import { gather } from "../indexing.ts";
import type { Operand } from "../interpreter.ts";
import { permute, reshape } from "../movement.ts";
import { inDType, inFloats } from "../operands.ts";
import { fraction, list, oneOf, readOptions, readValue } from "../options.ts";
import { argsort, reduceOptions, type ReduceOptions } from "../reduce.ts";
import type { Tensor } from "../tensor.ts";
import { atPlaces, countOfNumbers } from "./order.ts";

type Interpolation = "linear" | "lower" | "higher" | "nearest" | "midpoint";

export interface QuantileOptions extends ReduceOptions {
  /** What a quantile between two elements is, by default what lies between them in proportion. */
  readonly interpolation?: Interpolation;
}
const quantileOptions = { ...reduceOptions, interpolation: oneOf("linear", "lower", "higher", "nearest", "midpoint") };

/** The single place that an interpolation chooses; undefined for those that need both neighbors. */
const rounding: { readonly [I in Interpolation]: ((rank: Tensor) => Tensor) | undefined } = {
  linear: undefined,
  lower: floor,
  higher: ceil,
  nearest: round,
  midpoint: undefined,
};

/** What is `weight` of the way from a to b; exactly a where that is 0, also beside infinities. */
function mixed(a: Tensor, b: Tensor, weight: Tensor): Tensor {
  const span = where(equal(weight, 0), 0, sub(b, a));
  return where(less(weight, 0.5), add(a, mul(span, weight)), sub(b, mul(span, sub(1, weight))));
}

const isList = (q: Operand | readonly number[]): q is readonly number[] => list.is(q);

/** The shares as a tensor in the dtype of x. Those in a tensor cannot be checked here. */
function shares(op: string, q: Operand | readonly number[], x: Tensor): Tensor {
  const { backend } = x.interpreter;
  if (typeof q === "number") return filled(x, readValue(op, "q", q, fraction), []);
  if (!isList(q)) return inDType(readTensor(q, op, x), x.dtype);
  const host = hostArray(op, q.length, x.dtype);
  Array.from(q).forEach((share, i) => (host[i] = readValue(op, "q", share, fraction)));
  return backend.upload(host, [host.length], x.dtype);
}

function quantiles(
  op: string,
  x: Operand,
  q: Operand | readonly number[],
  options: QuantileOptions | undefined,
  skipNaN: boolean,
): Tensor {
  const { axis, keepDims, interpolation } = readOptions<
    QuantileOptions,
    { keepDims: boolean; interpolation: Interpolation }
  >(op, options, quantileOptions, { keepDims: false, interpolation: "linear" });
  const t = inFloats(readTensor(x, op, isList(q) ? undefined : placed([x, q])));
  return composed(op, () => {
    const given = shares(op, q, t);
    if (given.shape.length > 1)
      throw new ShapeError(`${op}: wanted a number or a list of them as q, got shape ${text(given.shape)}`);
    const found = fullRowsOf(op, t, axesOf(op, axis, t.shape), keepDims);
    const { rows, length, shape } = found;
    const share = reshape(given, [sizeOf(given.shape)]);
    const numbers = countOfNumbers(found);
    const rank = skipNaN
      ? mul(share, cast(maximum(sub(numbers, 1), 0), t.dtype))
      : where(less(numbers, length), cast(numbers, t.dtype), mul(share, length - 1));
    const order = argsort(rows);
    const at = (place: Tensor): Tensor => {
      const inside = minimum(maximum(cast(place, "i32"), 0), Math.max(0, length - 1));
      return gather(rows, atPlaces(order, inside), { axis: -1 });
    };
    const single = rounding[interpolation];
    const weight = interpolation === "midpoint" ? where(equal(floor(rank), rank), 0, 0.5) : sub(rank, floor(rank));
    const y = single === undefined ? mixed(at(floor(rank)), at(ceil(rank)), weight) : at(single(rank));
    const sure = where(and(lessEqual(0, share), lessEqual(share, 1)), y, NaN);
    if (given.shape.length === 0) return reshape(sure, shape);
    const last = sure.shape.length - 1;
    return reshape(permute(sure, [last, ...Array.from({ length: last }, (_, i) => i)]), [share.shape[0]!, ...shape]);
  });
}

/**
 * The quantiles over axes: the elements at q·(n − 1) in the order of n elements, or between two of them. q is a number
 * from 0 to 1, or a list or tensor of such numbers; then the result has a new first axis. NaN if any element is NaN,
 * or where a tensor q is not from 0 to 1.
 *
 * @example quantile(tensor([1, 2, 4]), [0.5, 0.75]) // [2, 3]
 */
export const quantile = (x: Operand, q: Operand | readonly number[], options?: QuantileOptions): Tensor =>
  quantiles("quantile", x, q, options, false);

/**
 * The quantiles over axes of the elements that are not NaN, like `quantile`; NaN if all are.
 *
 * @example nanQuantile(tensor([1, NaN, 2, 4]), 0.25) // 1.5
 */
export const nanQuantile = (x: Operand, q: Operand | readonly number[], options?: QuantileOptions): Tensor =>
  quantiles("nanQuantile", x, q, options, true);
