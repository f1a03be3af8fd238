// Pooling to a given size: the windows follow from the sizes. And pooling of whole images.
import { applyRead, readTensor } from "../apply.ts";
import { allAxes, sizeOf } from "../axes.ts";
import { composed } from "../formula.ts";
import type { Operand } from "../interpreter.ts";
import { broadcastTo, reshape } from "../movement.ts";
import { inFloats, inNumbers } from "../operands.ts";
import type { Shape } from "../ops.ts";
import { readValue } from "../options.ts";
import { argmax, max } from "../reduce.ts";
import { checkResize, eachOf, outputSize, spatial, type OutputSize } from "../spatial.ts";
import { mean } from "../statistics.ts";
import type { Tensor } from "../tensor.ts";
import { maxPool, maxPoolWithIndices } from "./pool.ts";
import { resample, type Mixture } from "./resample.ts";

/** x in a dtype that can be computed in, and the sizes of the result's spatial axes. */
function readSizes(op: string, x: Operand, size: OutputSize): { readonly t: Tensor; readonly sizes: Shape } {
  const t = inNumbers(readTensor(x, op));
  spatial(op, t);
  const given = eachOf(op, "size", readValue(op, "size", size, outputSize), t.shape);
  const sizes = given.map((d, i) => d ?? t.shape[i + 2]!);
  checkResize(op, t.shape, sizes);
  return { t, sizes };
}

/** The windows of an axis: from ⌊i · input / output⌋ to ⌈(i + 1) · input / output⌉. */
const windowsOf = (input: number, output: number): number[][] =>
  Array.from({ length: output }, (_, i) => {
    const from = Math.floor((i * input) / output);
    const length = Math.ceil(((i + 1) * input) / output) - from;
    return Array.from({ length }, (_, k) => from + k);
  });

const longest = (windows: readonly number[][]): number => windows.reduce((n, { length }) => Math.max(n, length), 0);

/** Means of windows. A shorter window repeats its last element, with a part of its weight: infinities stay. */
function means(windows: readonly number[][]): Mixture[] {
  const terms = longest(windows);
  return windows.map((window) => {
    const last = window.at(-1)!;
    const repeats = terms - window.length + 1;
    return {
      places: Array.from({ length: terms }, (_, k) => window[k] ?? last),
      weights: Array.from({ length: terms }, (_, k) => 1 / window.length / (k < window.length - 1 ? 1 : repeats)),
    };
  });
}

/**
 * Means over windows that divide x into `size` parts along each spatial axis; part i goes from ⌊i S / size⌋ to
 * ⌈(i + 1) S / size⌉. A list has one size per axis, where null keeps the axis. Like PyTorch's `adaptive_avg_pool1d`,
 * `adaptive_avg_pool2d` and `adaptive_avg_pool3d`.
 *
 * @example adaptiveAvgPool(tensor([[[1, 3, 2, 4]]]), 2) // [[[2, 3]]]
 */
export function adaptiveAvgPool(x: Operand, size: OutputSize): Tensor {
  const { t: given, sizes } = readSizes("adaptiveAvgPool", x, size);
  const t = inFloats(given);
  return composed("adaptiveAvgPool", () => {
    const input = t.shape.slice(2);
    // Parts of equal sizes are an axis of their own.
    const equal = sizes.map((d, i) => (input[i]! % d === 0 ? [d, input[i]! / d] : [input[i]!, 1]));
    const parts = mean(reshape(t, [...t.shape.slice(0, 2), ...equal.flat()]), {
      axis: input.map((_, i) => 3 + 2 * i),
    });
    return sizes.reduceRight(
      (y, d, i) => (y.shape[i + 2] === d ? y : resample(y, i + 2, means(windowsOf(y.shape[i + 2]!, d)))),
      parts,
    );
  });
}

/** The places in a plane of each window, as many for each: shorter windows repeat their first place. */
function windowPlaces(input: Shape, sizes: Shape): number[][] {
  const windows = input.reduce<number[][]>(
    (planes, d, i) =>
      planes.flatMap((plane) =>
        windowsOf(d, sizes[i]!).map((line) => plane.flatMap((p) => line.map((q) => p * d + q))),
      ),
    [[0]],
  );
  const terms = longest(windows);
  return windows.map((window) => Array.from({ length: terms }, (_, k) => window[k] ?? window[0]!));
}

const windowOf = (input: Shape, sizes: Shape): readonly number[] | undefined =>
  sizes.every((d, i) => input[i]! % d === 0) ? input.map((d, i) => d / sizes[i]!) : undefined;

/** The largest elements of windows of different sizes, and their places. */
function largest(t: Tensor, sizes: Shape): { readonly values: Tensor; readonly indices: Tensor } {
  const { backend } = t.interpreter;
  const [images, channels, ...input] = t.shape as [number, number, ...number[]];
  const windows = windowPlaces(input, sizes);
  const shape = [images, channels, windows.length, windows[0]!.length];
  const places = backend.upload(Int32Array.from(windows.flat()), shape.slice(2), "i32");
  const planes = reshape(t, [images, channels, sizeOf(input)]);
  const winner = argmax(applyRead("take", [planes, places], { axis: 2 }), { axis: 3, keepDims: true });
  const found = applyRead("gather", [broadcastTo(places, shape), winner], { axis: 3 });
  const indices = reshape(found, shape.slice(0, 3));
  const values = applyRead("gather", [planes, indices], { axis: 2 });
  const wanted = [images, channels, ...sizes];
  return { values: reshape(values, wanted), indices: reshape(indices, wanted) };
}

/**
 * The largest elements of the windows of `adaptiveAvgPool`. Like PyTorch's `adaptive_max_pool1d`,
 * `adaptive_max_pool2d` and `adaptive_max_pool3d`.
 *
 * @example adaptiveMaxPool(tensor([[[1, 3, 2, 4, 0]]]), 2) // [[[3, 4]]]
 */
export function adaptiveMaxPool(x: Operand, size: OutputSize): Tensor {
  const { t, sizes } = readSizes("adaptiveMaxPool", x, size);
  const window = windowOf(t.shape.slice(2), sizes);
  return composed("adaptiveMaxPool", () => (window === undefined ? largest(t, sizes).values : maxPool(t, { window })));
}

/**
 * Like `adaptiveMaxPool`, with the places of the largest elements, as `maxPoolWithIndices` gives them.
 *
 * @example adaptiveMaxPoolWithIndices(tensor([[[1, 3, 2, 4, 0]]]), 2).indices // [[[1, 3]]]
 */
export function adaptiveMaxPoolWithIndices(
  x: Operand,
  size: OutputSize,
): { readonly values: Tensor; readonly indices: Tensor } {
  const { t, sizes } = readSizes("adaptiveMaxPoolWithIndices", x, size);
  const window = windowOf(t.shape.slice(2), sizes);
  return composed("adaptiveMaxPoolWithIndices", () =>
    window === undefined ? largest(t, sizes) : maxPoolWithIndices(t, { window }),
  );
}

const overImages = (op: string, x: Operand, reduce: typeof max): Tensor => {
  const { t } = readSizes(op, x, 1);
  return composed(op, () => reduce(t, { axis: allAxes(t.shape).slice(2), keepDims: true }));
};

/**
 * The mean of each image: from `[N, C, …]` to `[N, C, 1, …]`, `adaptiveAvgPool` to 1. Like ONNX's `GlobalAveragePool`.
 *
 * @example globalAvgPool(tensor([[[1, 3, 2, 4]]])) // [[[2.5]]]
 */
export const globalAvgPool = (x: Operand): Tensor => overImages("globalAvgPool", x, mean);

/**
 * The largest element of each image: from `[N, C, …]` to `[N, C, 1, …]`. Equals share the gradient. Like ONNX's
 * `GlobalMaxPool`.
 *
 * @example globalMaxPool(tensor([[[1, 3, 2, 4]]])) // [[[4]]]
 */
export const globalMaxPool = (x: Operand): Tensor => overImages("globalMaxPool", x, max);
