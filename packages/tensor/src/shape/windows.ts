// Windows that slide along axes, as axes of their own, and the sums that undo them. The places in a window are computed
// where they are used; the remainder tells backends that none is out of range.
import { along } from "../along.ts";
import { applyRead, readTensor } from "../apply.ts";
import { listOf, sizeOf, text } from "../axes.ts";
import { inNameOf } from "../context.ts";
import { add, mul } from "../elementwise.ts";
import { ShapeError } from "../errors.ts";
import { filled, iota } from "../filled.ts";
import type { Operand } from "../interpreter.ts";
import { permute, reshape } from "../movement.ts";
import { inNumbers } from "../operands.ts";
import type { Shape } from "../ops.ts";
import { integer, list, numbers, positiveCount, readOptions, readValue, type OptionKinds } from "../options.ts";
import { pooling } from "../pooling/windows.ts";
import { countAlong, countWindows } from "../rules/conv.ts";
import { wrapped } from "../selection/wrapping.ts";
import { span } from "../span.ts";
import { autoPadding, checkResize, spatial, type AutoPadding, type PerAxis } from "../spatial.ts";
import type { Tensor } from "../tensor.ts";
import { pad } from "./padding.ts";

/** So many windows of `size` elements that are `dilation` apart; the next window begins `step` further. */
interface AxisWindows {
  readonly count: number;
  readonly size: number;
  readonly step: number;
  readonly dilation: number;
}

/** The places `[count, size]` of the elements of all windows on an axis of d elements. */
function placesOf(x: Tensor, d: number, { count, size, step, dilation }: AxisWindows): Tensor {
  return wrapped(add(mul(iota(x, [count, 1]), step), mul(iota(x, [size]), dilation)), d);
}

/** x with an axis replaced by two: the windows, and the places in a window. */
function spread(x: Tensor, axis: number, windows: AxisWindows): Tensor {
  const d = x.shape[axis]!;
  const { count, size, step, dilation } = windows;
  if (step >= size && dilation === 1 && count * step <= d) {
    const parts = reshape(span(x, axis, 0, count * step), x.shape.toSpliced(axis, 1, count, step));
    return span(parts, axis + 1, 0, size);
  }
  return applyRead("take", [x, placesOf(x, d, windows)], { axis });
}

/**
 * All windows of `size` elements along an axis, each `step` after the one before: the axis counts the windows, and a
 * new last axis has the elements. Like PyTorch's `Tensor.unfold`.
 *
 * @example unfold(tensor([1, 2, 3, 4]), { axis: 0, size: 2, step: 1 }) // [[1, 2], [2, 3], [3, 4]]
 */
export function unfold(x: Operand, options: { axis?: number; size: number; step?: number }): Tensor {
  const { axis, size, step } = readOptions<typeof options, { axis: number; step: number }>(
    "unfold",
    options,
    { axis: integer, size: positiveCount, step: positiveCount },
    { axis: -1, step: 1 },
  );
  readValue("unfold", "size", size, positiveCount);
  const given = readTensor(x, "unfold");
  const [t, at] = along("unfold", given, axis);
  if (size > t.shape[at]!)
    throw new ShapeError(`unfold: a window of ${size} does not fit on axis ${at} of shape ${text(t.shape)}`);
  if (given.shape.length === 0) return t; // as in PyTorch, without an axis of windows
  return inNameOf("unfold", () => {
    const y = spread(t, at, { count: countAlong(t.shape[at]!, size, step), size, step, dilation: 1 });
    const axes = y.shape.map((_, i) => i).toSpliced(at + 1, 1);
    return permute(y, [...axes, at + 1]);
  });
}

interface ColumnOptions {
  readonly window: PerAxis;
  readonly stride?: PerAxis;
  /** Zeros on both sides of each axis. */
  readonly padding?: AutoPadding;
  readonly dilation?: PerAxis;
}
const columnKinds: OptionKinds<ColumnOptions> = { window: numbers, stride: numbers, padding: autoPadding, dilation: numbers }; // prettier-ignore
const columnDefaults = { stride: 1, padding: 0, dilation: 1 };

interface Layout {
  /** How many elements a window has. */
  readonly size: number;
  /** For each spatial axis. */
  readonly windows: readonly AxisWindows[];
  readonly padding: readonly (readonly [before: number, after: number])[];
}

/** The windows over images of this shape, `[N, C, …]`. */
function layoutOf(op: string, shape: Shape, options: Required<ColumnOptions>): Layout {
  const { attrs } = pooling(op, shape, options);
  const { window, stride, padding, dilation } = attrs;
  const counts = countWindows(op, shape, attrs);
  return {
    size: sizeOf(window),
    windows: counts.map((count, i) => ({ count, size: window[i]!, step: stride[i]!, dilation: dilation[i]! })),
    padding,
  };
}

const countOf = ({ windows }: Layout): number => sizeOf(windows.map(({ count }) => count));

/**
 * The windows of images x `[N, C, …]` as columns: `[N, C · window, count]`, as a convolution sees them. Options are
 * those of `conv`. Like PyTorch's `functional.unfold`, for one to three spatial axes.
 *
 * @example im2col(tensor([[[[1, 2, 3], [4, 5, 6]]]]), { window: 2 }) // [[[1, 2], [2, 3], [4, 5], [5, 6]]]
 */
export function im2col(x: Operand, options: ColumnOptions): Tensor {
  const read = readOptions("im2col", options, columnKinds, columnDefaults);
  const t = readTensor(x, "im2col");
  spatial("im2col", t);
  const layout = layoutOf("im2col", t.shape, read);
  const [images, channels] = t.shape as [number, number];
  return inNameOf("im2col", () => {
    // [N, C, count, size, count, size, …]
    const y = layout.windows.reduce(
      (part, windows, i) => spread(part, 2 + 2 * i, windows),
      pad(t, { pads: [[0, 0], [0, 0], ...layout.padding] }),
    );
    const axes = layout.windows.map((_, i) => 2 + 2 * i);
    return reshape(permute(y, [0, 1, ...axes.map((axis) => axis + 1), ...axes]), [
      images,
      channels * layout.size,
      countOf(layout),
    ]);
  });
}

/**
 * Images `[N, C, …size]` of columns `[N, C · window, count]`: each element is the sum of those that `im2col` takes from
 * it. Like PyTorch's `functional.fold`, for one to three spatial axes.
 *
 * @example col2im(tensor([[[1, 2], [2, 3]]]), { size: [1, 3], window: [1, 2] }) // [[[[1, 4, 3]]]]
 */
export function col2im(x: Operand, options: ColumnOptions & { readonly size: readonly number[] }): Tensor {
  const { size: given, ...read } = readOptions("col2im", options, { ...columnKinds, size: list }, columnDefaults);
  const t = inNumbers(readTensor(x, "col2im"));
  const size = listOf("col2im", "size", given);
  if (t.shape.length !== 3)
    throw new ShapeError(`col2im: wanted columns [N, C · window, count], got shape ${text(t.shape)}`);
  const [images, rows, columns] = t.shape as [number, number, number];
  checkResize("col2im", [images, rows], size);
  const layout = layoutOf("col2im", [images, rows, ...size], read);
  if (rows % layout.size !== 0 || columns !== countOf(layout))
    throw new ShapeError(
      `col2im: wanted columns [N, C · ${layout.size}, ${countOf(layout)}] for images of size ${text(size)}, got shape ${text(t.shape)}`,
    );
  const { windows, padding } = layout;
  return inNameOf("col2im", () => {
    const n = windows.length;
    const sizes = [...windows.map((each) => each.size), ...windows.map((each) => each.count)];
    const apart = reshape(t, [images, rows / layout.size, ...sizes]);
    let y = permute(apart, [0, 1, ...windows.flatMap((_, i) => [2 + n + i, 2 + i])]);
    for (let i = n - 1; i >= 0; i--) {
      const axis = 2 + 2 * i;
      const padded = size[i]! + padding[i]![0] + padding[i]![1];
      const shape = [...y.shape.slice(0, axis), padded, ...y.shape.slice(axis + 2)];
      y = applyRead("indexAdd", [filled(y, 0, shape), placesOf(y, padded, windows[i]!), y], { axis });
    }
    const cut = padding.map(([before, after]) => [-before, -after] as const);
    return pad(y, { pads: [[0, 0], [0, 0], ...cut] });
  });
}
