// Windows that slide along axes, as axes of their own, and the sums that undo them. The places in a window are computed
// where they are used; the remainder tells backends that none is out of range.
import { applyRead, readTensor, source } from "../apply.ts";
import { axisOf, listOf, sizeOf, text } from "../axes.ts";
import { inNameOf } from "../context.ts";
import { add, mul } from "../elementwise.ts";
import { ArgumentError, ShapeError } from "../errors.ts";
import type { Backend, Operand } from "../interpreter.ts";
import { permute, reshape } from "../movement.ts";
import { inNumbers } from "../operands.ts";
import { integer, numbers, positiveCount, readOptions, readValue, type OptionKinds } from "../options.ts";
import { vectorOf } from "../scalar.ts";
import { inRange } from "../selection/in-range.ts";
import { span } from "../span.ts";
import type { Tensor } from "../tensor.ts";
import { pad } from "./padding.ts";

/** Windows of `size` elements that are `dilation` apart; the next window begins `step` further. */
interface Windows {
  readonly size: number;
  readonly step: number;
  readonly dilation: number;
}

/** How many windows fit on an axis of d elements. */
const countOf = (d: number, { size, step, dilation }: Windows): number =>
  Math.floor((d - (size - 1) * dilation - 1) / step) + 1;

/** The places `[count, size]` of the elements of all windows on an axis of d elements. */
function placesOf(backend: Backend, d: number, windows: Windows): Tensor {
  const { size, step, dilation } = windows;
  const line = (shape: readonly number[]) => source(backend, "iota", [], { shape, axis: 0, dtype: "i32" });
  const starts = mul(line([countOf(d, windows), 1]), step);
  return inRange(add(starts, mul(line([size]), dilation)), d);
}

/** x with an axis replaced by two: the windows, and the places in a window. */
function spread(x: Tensor, axis: number, windows: Windows): Tensor {
  const d = x.shape[axis]!;
  const { size, step, dilation } = windows;
  const count = countOf(d, windows);
  if (step >= size && dilation === 1 && count * step <= d) {
    const parts = reshape(span(x, axis, 0, count * step), x.shape.toSpliced(axis, 1, count, step));
    return span(parts, axis + 1, 0, size);
  }
  return applyRead("take", [x, placesOf(x.interpreter.backend, d, windows)], { axis });
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
  const t = vectorOf(given);
  const at = axisOf("unfold", axis, t.shape);
  if (size > t.shape[at]!)
    throw new ShapeError(`unfold: a window of ${size} does not fit on axis ${at} of shape ${text(t.shape)}`);
  if (given.shape.length === 0) return t; // as in PyTorch, without an axis of windows
  return inNameOf("unfold", () => {
    const y = spread(t, at, { size, step, dilation: 1 });
    const axes = y.shape.map((_, i) => i).toSpliced(at + 1, 1);
    return permute(y, [...axes, at + 1]);
  });
}

export interface WindowOptions {
  /** The size of a window, one number per spatial axis. */
  readonly window: readonly number[];
  readonly stride?: number | readonly number[];
  /** Zeros on both sides of each axis. */
  readonly padding?: number | readonly number[];
  readonly dilation?: number | readonly number[];
}
const windowKinds: OptionKinds<WindowOptions> = {
  window: numbers as OptionKinds<WindowOptions>["window"],
  stride: numbers,
  padding: numbers,
  dilation: numbers,
};
const windowDefaults = { stride: 1, padding: 0, dilation: 1 };

/** One integer per spatial axis, at least `least`. */
function perAxis(op: string, name: string, x: number | readonly number[], n: number, least: number): number[] {
  const all = typeof x === "number" ? Array.from({ length: n }, () => x) : listOf(op, name, x);
  if (all.length !== n || !all.every((k) => Number.isInteger(k) && k >= least))
    throw new ArgumentError(`${op}: wanted ${n} integers of at least ${least} as ${name}, got ${text(all)}`);
  return all;
}

interface Layout {
  readonly windows: readonly Windows[];
  readonly padding: readonly number[];
  /** Sizes of the spatial axes with padding. */
  readonly padded: readonly number[];
  readonly counts: readonly number[];
}

function layoutOf(op: string, sizes: readonly number[], options: Required<WindowOptions>): Layout {
  const n = sizes.length;
  const window = perAxis(op, "window", options.window, n, 1);
  const stride = perAxis(op, "stride", options.stride, n, 1);
  const dilation = perAxis(op, "dilation", options.dilation, n, 1);
  const padding = perAxis(op, "padding", options.padding, n, 0);
  const windows = window.map((size, i) => ({ size, step: stride[i]!, dilation: dilation[i]! }));
  const padded = sizes.map((d, i) => d + 2 * padding[i]!);
  const counts = padded.map((d, i) => countOf(d, windows[i]!));
  if (counts.some((count) => count < 1))
    throw new ShapeError(`${op}: windows ${text(window)} do not fit on padded sizes ${text(padded)}`);
  return { windows, padding, padded, counts };
}

const around = (padding: readonly number[]) => [[0, 0], [0, 0], ...padding.map((p) => [p, p])] as [number, number][];

/**
 * The windows of images x `[N, C, …]` as columns: `[N, C · window, count]`, as a convolution sees them. Like PyTorch's
 * `functional.unfold`, for any number of spatial axes.
 *
 * @example im2col(tensor([[[[1, 2, 3], [4, 5, 6]]]]), { window: [2, 2] }) // [[[1, 2], [2, 3], [4, 5], [5, 6]]]
 */
export function im2col(x: Operand, options: WindowOptions): Tensor {
  const read = readOptions("im2col", options, windowKinds, windowDefaults);
  const t = readTensor(x, "im2col");
  if (t.shape.length < 3)
    throw new ShapeError(`im2col: wanted images [N, C, …] with spatial axes, got shape ${text(t.shape)}`);
  const [images, channels, ...sizes] = t.shape as [number, number, ...number[]];
  const { windows, padding, counts } = layoutOf("im2col", sizes, read);
  return inNameOf("im2col", () => {
    // [N, C, count, size, count, size, …]
    const y = windows.reduce((part, each, i) => spread(part, 2 + 2 * i, each), pad(t, { pads: around(padding) }));
    const axes = [0, 1, ...sizes.map((_, i) => 3 + 2 * i), ...sizes.map((_, i) => 2 + 2 * i)];
    const window = sizeOf(windows.map(({ size }) => size));
    return reshape(permute(y, axes), [images, channels * window, sizeOf(counts)]);
  });
}

/**
 * Images `[N, C, …size]` of columns `[N, C · window, count]`: each element is the sum of those that `im2col` takes from
 * it. Like PyTorch's `functional.fold`, for any number of spatial axes.
 *
 * @example col2im(tensor([[[1, 2], [2, 3]]]), { size: [1, 3], window: [1, 2] }) // [[[[1, 4, 3]]]]
 */
export function col2im(x: Operand, options: WindowOptions & { readonly size: readonly number[] }): Tensor {
  const read = readOptions("col2im", options, { ...windowKinds, size: windowKinds.window }, windowDefaults);
  const t = inNumbers(readTensor(x, "col2im"));
  const size = listOf("col2im", "size", read.size);
  const { windows, padding, padded, counts } = layoutOf("col2im", size, read);
  const window = windows.map((each) => each.size);
  const [images, rows, columns] = t.shape as [number, number, number];
  if (t.shape.length !== 3 || rows % sizeOf(window) !== 0 || columns !== sizeOf(counts))
    throw new ShapeError(
      `col2im: wanted columns [N, C · ${sizeOf(window)}, ${sizeOf(counts)}] for images of size ${text(size)}, got shape ${text(t.shape)}`,
    );
  const channels = rows / sizeOf(window);
  const { backend } = t.interpreter;
  return inNameOf("col2im", () => {
    const n = size.length;
    const apart = reshape(t, [images, channels, ...window, ...counts]);
    const pairs = size.flatMap((_, i) => [2 + n + i, 2 + i]);
    let y = permute(apart, [0, 1, ...pairs]);
    for (let i = n - 1; i >= 0; i--) {
      const axis = 2 + 2 * i;
      const shape = [...y.shape.slice(0, axis), padded[i]!, ...y.shape.slice(axis + 2)];
      const zeros = source(backend, "full", [0], { shape, dtype: y.dtype });
      y = applyRead("indexAdd", [zeros, placesOf(backend, padded[i]!, windows[i]!), y], { axis });
    }
    return pad(y, { pads: around(padding.map((p) => -p)) });
  });
}
