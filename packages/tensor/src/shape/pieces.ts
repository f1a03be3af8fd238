// Tensors cut into pieces along an axis.
import { readTensor } from "../apply.ts";
import { axisOf, listOf, text } from "../axes.ts";
import { ArgumentError } from "../errors.ts";
import { inNameOf } from "../context.ts";
import type { Operand } from "../interpreter.ts";
import { reshape } from "../movement.ts";
import { integer, positiveCount, readOptions, readValue } from "../options.ts";
import { cut, span, type Pieces } from "../span.ts";
import type { Tensor } from "../tensor.ts";

interface AxisOptions {
  /** The axis that is cut, by default the first. */
  readonly axis?: number;
}
const axisOption = { axis: integer };
const first = { axis: 0 };
/** Each part is a tensor of its own. */
const MOST_PARTS = 1e6;

/**
 * At most n pieces along an axis, of ⌈size / n⌉ elements each; the last may be shorter. Like PyTorch's `chunk`.
 *
 * @example chunk(tensor([1, 2, 3, 4, 5]), 2) // [[1, 2, 3], [4, 5]]
 */
export function chunk(x: Operand, n: number, options?: AxisOptions): Tensor[] {
  const { axis } = readOptions("chunk", options, axisOption, first);
  readValue("chunk", "n", n, positiveCount);
  const t = readTensor(x, "chunk");
  const at = axisOf("chunk", axis, t.shape);
  const size = t.shape[at]!;
  const most = Math.ceil(size / n);
  const count = most === 0 ? n : Math.ceil(size / most);
  const sizes = Array.from({ length: count }, (_, i) => Math.min(most, size - i * most));
  return inNameOf("chunk", () => cut(t, sizes, at));
}

/**
 * n pieces along an axis whose sizes differ by at most 1, the larger ones first; or the pieces between the given
 * places, which may be negative or beyond the end as in `slice`. Like NumPy's `array_split`.
 *
 * @example tensorSplit(tensor([1, 2, 3, 4, 5]), 3) // [[1, 2], [3, 4], [5]]
 * @example tensorSplit(tensor([1, 2, 3, 4, 5]), [1, -1]) // [[1], [2, 3, 4], [5]]
 */
export function tensorSplit<Parts extends number>(x: Operand, parts: Parts, options?: AxisOptions): Pieces<Parts>;
export function tensorSplit(x: Operand, places: readonly number[], options?: AxisOptions): Tensor[];
export function tensorSplit(x: Operand, parts: number | readonly number[], options?: AxisOptions): Tensor[];
export function tensorSplit(x: Operand, parts: number | readonly number[], options?: AxisOptions): Tensor[] {
  const { axis } = readOptions("tensorSplit", options, axisOption, first);
  const t = readTensor(x, "tensorSplit");
  const at = axisOf("tensorSplit", axis, t.shape);
  const size = t.shape[at]!;
  if (typeof parts === "number") {
    readValue("tensorSplit", "parts", parts, positiveCount);
    if (parts > MOST_PARTS) throw new ArgumentError(`tensorSplit: ${parts} parts are too many; wanted at most 10⁶`);
    const [least, larger] = [Math.floor(size / parts), size % parts];
    const sizes = Array.from({ length: parts }, (_, i) => least + (i < larger ? 1 : 0));
    return inNameOf("tensorSplit", () => cut(t, sizes, at));
  }
  const places = listOf("tensorSplit", "parts", parts).map((place) => {
    if (!Number.isInteger(place))
      throw new ArgumentError(`tensorSplit: wanted a number of parts or a list of integers, got ${text(parts)}`);
    return Math.min(Math.max(place < 0 ? place + size : place, 0), size);
  });
  const [starts, ends] = [
    [0, ...places],
    [...places, size],
  ];
  return inNameOf("tensorSplit", () =>
    starts.map((start, i) => {
      const count = Math.max(0, ends[i]! - start);
      return span(t, at, count === 0 ? 0 : start, count);
    }),
  );
}

/**
 * The parts of x at each position of an axis, without that axis.
 *
 * @example unbind(tensor([[1, 2], [3, 4]])) // [[1, 2], [3, 4]]
 */
export function unbind(x: Operand, options?: AxisOptions): Tensor[] {
  const { axis } = readOptions("unbind", options, axisOption, first);
  const t = readTensor(x, "unbind");
  const at = axisOf("unbind", axis, t.shape);
  const rest = t.shape.toSpliced(at, 1);
  return inNameOf("unbind", () => Array.from({ length: t.shape[at]! }, (_, i) => reshape(span(t, at, i, 1), rest)));
}
