// The meaning of convolution and pooling. One loop visits the elements that meet (input, weight, output); forward and
// both gradients of a convolution sum over it, so they are adjoint to each other by construction.
import type { Shape } from "@weft/tensor";
import type { ConvAttrs, ConvOps, PoolAttrs } from "@weft/tensor/internals";
import { sizeOf, type Elements, type Kernels } from "./kernels.ts";

/** Lists of one to three spatial axes, as three: missing leading ones have size 1. */
const three = (list: readonly number[], fill: number): [number, number, number] => {
  const [a, b, c] = [...Array.from<number>({ length: 3 - list.length }).fill(fill), ...list];
  return [a!, b!, c!];
};

/** Calls `visit` with each pair (window element k, place on the axis) of every output position on one axis. */
function reach(input: number, output: number, kernel: number, stride: number, low: number, dilation: number) {
  const meets: { y: number; k: number; x: number }[][] = [];
  for (let y = 0; y < output; y++) {
    const row: { y: number; k: number; x: number }[] = [];
    for (let k = 0; k < kernel; k++) {
      const x = y * stride - low + k * dilation;
      if (x >= 0 && x < input) row.push({ y, k, x });
    }
    meets.push(row);
  }
  return meets;
}

interface Window {
  readonly stride: readonly number[];
  readonly padding: readonly (readonly [number, number])[];
  readonly dilation: readonly number[];
}

/** For each output position of one plane, the input elements under its window and their places in the window. */
function windows(input: Shape, output: Shape, kernel: Shape, { stride, padding, dilation }: Window) {
  const [x, y, k] = [three(input, 1), three(output, 1), three(kernel, 1)];
  const [s, d] = [three(stride, 1), three(dilation, 1)];
  const low = three(
    padding.map((p) => p[0]),
    0,
  );
  const axes = [0, 1, 2].map((i) => reach(x[i]!, y[i]!, k[i]!, s[i]!, low[i]!, d[i]!));
  const all: { at: number[]; tap: number[] }[] = [];
  for (const a of axes[0]!)
    for (const b of axes[1]!)
      for (const c of axes[2]!) {
        const [at, tap]: [number[], number[]] = [[], []];
        for (const p of a)
          for (const q of b)
            for (const r of c) {
              at.push((p.x * x[1] + q.x) * x[2] + r.x);
              tap.push((p.k * k[1] + q.k) * k[2] + r.k);
            }
        all.push({ at, tap });
      }
  return all;
}

/** Calls `visit` once for each product of a convolution: the places of its factors in x and w and of its sum in y. */
function eachProduct(x: Shape, w: Shape, y: Shape, attrs: ConvAttrs, visit: (x: number, w: number, y: number) => void) {
  const all = windows(x.slice(2), y.slice(2), w.slice(2), attrs);
  const [xPlane, wPlane, yPlane] = [x, w, y].map((shape) => sizeOf(shape.slice(2))) as [number, number, number];
  const [outputs, channels] = [w[0]!, w[1]!];
  for (let n = 0; n < x[0]!; n++)
    for (let o = 0; o < outputs; o++) {
      const group = Math.floor(o / (outputs / attrs.groups));
      for (let c = 0; c < channels; c++) {
        const xStart = (n * x[1]! + group * channels + c) * xPlane;
        const wStart = (o * channels + c) * wPlane;
        const yStart = (n * outputs + o) * yPlane;
        all.forEach(({ at, tap }, place) => {
          for (let i = 0; i < at.length; i++) visit(xStart + at[i]!, wStart + tap[i]!, yStart + place);
        });
      }
    }
}

/**
 * Calls `visit` with each window of a pooling: the places of its elements in x, in window order, and its place in y.
 */
function eachWindow(x: Shape, y: Shape, attrs: PoolAttrs, visit: (xs: number[], y: number) => void) {
  const all = windows(x.slice(2), y.slice(2), attrs.window, attrs);
  const plane = sizeOf(x.slice(2));
  for (let p = 0, place = 0; p < x[0]! * x[1]!; p++)
    for (const { at } of all)
      visit(
        at.map((i) => p * plane + i),
        place++,
      );
}

/** The first place of the greatest element; the first NaN, if there is one. */
function firstMaximum({ data }: Elements, places: readonly number[]): number {
  let best = places[0]!;
  for (const place of places) {
    if (Number.isNaN(data[place])) return place;
    if (data[place]! > data[best]!) best = place;
  }
  return best;
}

const spatial = (shape: Shape): Float64Array => new Float64Array(sizeOf(shape));

export const conv: Kernels<keyof ConvOps> = {
  conv: ([x, w], attrs, shape) => {
    const y = spatial(shape);
    eachProduct(x!.shape, w!.shape, shape, attrs, (i, j, k) => (y[k]! += x!.data[i]! * w!.data[j]!));
    return y;
  },
  convInputGrad: ([g, w], attrs, shape) => {
    const x = spatial(shape);
    eachProduct(shape, w!.shape, g!.shape, attrs, (i, j, k) => (x[i]! += g!.data[k]! * w!.data[j]!));
    return x;
  },
  convWeightGrad: ([x, g], attrs, shape) => {
    const w = spatial(shape);
    eachProduct(x!.shape, shape, g!.shape, attrs, (i, j, k) => (w[j]! += x!.data[i]! * g!.data[k]!));
    return w;
  },
  maxPool: ([x], attrs, shape) => {
    const y = spatial(shape);
    eachWindow(x!.shape, shape, attrs, (xs, k) => (y[k] = x!.data[firstMaximum(x!, xs)]!));
    return y;
  },
  maxPoolGrad: ([x, g], attrs, shape) => {
    const result = spatial(shape);
    eachWindow(shape, g!.shape, attrs, (xs, k) => (result[firstMaximum(x!, xs)]! += g!.data[k]!));
    return result;
  },
  maxPoolPick: ([x, u], attrs, shape) => {
    const y = spatial(shape);
    eachWindow(x!.shape, shape, attrs, (xs, k) => (y[k] = u!.data[firstMaximum(x!, xs)]!));
    return y;
  },
  sumPool: ([x], attrs, shape) => {
    const y = spatial(shape);
    eachWindow(x!.shape, shape, attrs, (xs, k) => xs.forEach((i) => (y[k]! += x!.data[i]!)));
    return y;
  },
  sumPoolGrad: ([g], attrs, shape) => {
    const x = spatial(shape);
    eachWindow(shape, g!.shape, attrs, (xs, k) => xs.forEach((i) => (x[i]! += g!.data[k]!)));
    return x;
  },
};
