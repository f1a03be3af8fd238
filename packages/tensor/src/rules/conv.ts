// Rules of convolution and pooling: x is [N, C, ...S], w is [O, C/groups, ...K], one to three spatial axes.
import { sameShape, text } from "../axes.ts";
import { ShapeError } from "../errors.ts";
import type { Value } from "../interpreter.ts";
import type { ConvAttrs, ConvOps, PoolAttrs, Shape } from "../ops.ts";
import { float, sameTwo, tensorAt, type DTypeRules, type ShapeRules } from "./table.ts";

/**
 * Limits of strides, dilations and padding, and of the elements of a padded image: positions in it fit 32 bits on every
 * device.
 */
export const MOST = 2 ** 26;
const MOST_PADDED = 2 ** 28;

type Padding = readonly (readonly [number, number])[];

const misfit = (op: string, axis: number, size: number, padding: readonly number[], reach: number): ShapeError =>
  new ShapeError(
    `${op}: a window of ${reach} does not fit on spatial axis ${axis} of size ${size} with padding ${text(padding)}`,
  );

/** How many windows that reach so far fit on an axis; each begins `stride` after the one before. */
export const countAlong = (size: number, reach: number, stride: number): number =>
  Math.floor((size - reach) / stride) + 1;

/** How many positions a window of `kernel` elements, `dilation` apart, has on each padded axis. */
function positions(op: string, input: Shape, kernel: Shape, stride: Shape, padding: Padding, dilation: Shape): Shape {
  const whole = input.reduce((n, size, i) => n * (size + padding[i]![0] + padding[i]![1]), 1);
  if (whole > MOST_PADDED && padding.flat().some((n) => n > 0))
    throw new ShapeError(
      `${op}: with padding ${text(padding.map(text))} an image of shape ${text(input)} has ${whole} elements, and at most ${MOST_PADDED} are allowed`,
    );
  return input.map((size, i) => {
    const padded = size + padding[i]![0] + padding[i]![1];
    const reach = dilation[i]! * (kernel[i]! - 1) + 1;
    if (reach > padded) throw misfit(op, i, size, padding[i]!, reach);
    return countAlong(padded, reach, stride[i]!);
  });
}

/** Refuses lists that do not have an entry for each spatial axis of x, and entries out of range. */
function checkSpatial(op: string, x: Shape, lists: Record<string, Shape | Padding>): void {
  const n = x.length - 2;
  if (n < 1 || n > 3)
    throw new ShapeError(`${op}: shape ${text(x)} does not fit: wanted [N, C, ...] with one to three spatial axes`);
  for (const [name, list] of Object.entries(lists)) {
    if (list.length !== n)
      throw new ShapeError(`${op}: shape ${text(x)} has ${n} spatial axes, ${name} has ${list.length}`);
    const least = name === "padding" || name === "kernel" ? 0 : 1;
    if (!list.flat().every((n) => Number.isInteger(n) && n >= least && n <= MOST))
      throw new ShapeError(`${op}: ${name} ${text(list)} must be integers from ${least} to ${MOST}`);
  }
}

/** Checks windows over x, `[N, C, …]`, and returns how many there are along each spatial axis. */
export function countWindows(op: string, x: Shape, { window, stride, padding, dilation }: PoolAttrs): Shape {
  checkSpatial(op, x, { window, stride, padding, dilation });
  return positions(op, x.slice(2), window, stride, padding, dilation);
}

function checkGroups(op: string, x: Shape, w: Shape, groups: number): void {
  if (!(Number.isInteger(groups) && groups >= 1) || x[1] !== w[1]! * groups || w[0]! % groups !== 0)
    throw new ShapeError(
      `${op}: shapes ${text(x)} and ${text(w)} do not fit with groups ${groups}: the channels ${x[1]} must be groups × ${w[1]}, and the outputs ${w[0]} a multiple of groups`,
    );
}

/** Checks a convolution completely and returns the shape of its result. */
function convolution(op: string, x: Shape, w: Shape, { stride, padding, dilation, groups }: ConvAttrs): Shape {
  checkSpatial(op, x, { kernel: w.slice(2), stride, padding, dilation });
  checkGroups(op, x, w, groups);
  return [x[0]!, w[0]!, ...positions(op, x.slice(2), w.slice(2), stride, padding, dilation)];
}

function pooling(op: string, x: Shape, { window, stride, padding, dilation }: PoolAttrs): Shape {
  checkSpatial(op, x, { window, stride, padding, dilation });
  window.forEach((size, i) => {
    const reach = dilation[i]! * (size - 1) + 1;
    if (Math.max(...padding[i]!) >= reach)
      throw new ShapeError(`${op}: padding ${text(padding[i]!)} must be smaller than the window ${reach}`);
    // A window that begins in the padding may have its next element behind a short axis already.
    const [input, d] = [x[i + 2]!, dilation[i]!];
    if (input < d)
      for (let low = padding[i]![0]; low > 0; low -= stride[i]!)
        if ((d - (low % d)) % d >= input) throw misfit(op, i, input, padding[i]!, reach);
  });
  return [...x.slice(0, 2), ...positions(op, x.slice(2), window, stride, padding, dilation)];
}

function expect(op: string, got: Shape, wanted: Shape): void {
  if (!sameShape(got, wanted))
    throw new ShapeError(`${op}: a gradient of shape ${text(got)} does not fit: wanted ${text(wanted)}`);
}

const shape = (op: string, inputs: readonly Value[], i: number): Shape => tensorAt(op, inputs, i).shape;

const pool = (inputs: readonly Value[], attrs: PoolAttrs, op: string): Shape =>
  pooling(op, shape(op, inputs, 0), attrs);

export const convShapes: ShapeRules<keyof ConvOps> = {
  conv: (inputs, attrs, op) => convolution(op, shape(op, inputs, 0), shape(op, inputs, 1), attrs),
  convInputGrad: (inputs, attrs, op) => {
    const [g, w] = [shape(op, inputs, 0), shape(op, inputs, 1)];
    const x = [g[0]!, (w[1] ?? 0) * attrs.groups, ...attrs.inputSize];
    expect(op, g, convolution(op, x, w, attrs));
    return x;
  },
  convWeightGrad: (inputs, attrs, op) => {
    const [x, g] = [shape(op, inputs, 0), shape(op, inputs, 1)];
    const w = [g[1]!, Math.floor((x[1] ?? 0) / attrs.groups), ...attrs.kernelSize];
    expect(op, g, convolution(op, x, w, attrs));
    return w;
  },
  maxPool: pool,
  maxPoolGrad: (inputs, attrs, op) => {
    expect(op, shape(op, inputs, 1), pool(inputs, attrs, op));
    return shape(op, inputs, 0);
  },
  maxPoolPick: (inputs, attrs, op) => {
    expect(op, shape(op, inputs, 1), shape(op, inputs, 0));
    return pool(inputs, attrs, op);
  },
  sumPool: pool,
  sumPoolGrad: (inputs, attrs, op) => {
    const g = shape(op, inputs, 0);
    const x = [...g.slice(0, 2), ...attrs.inputSize];
    expect(op, g, pooling(op, x, attrs));
    return x;
  },
};

export const convDTypes: DTypeRules<keyof ConvOps> = {
  conv: sameTwo,
  convInputGrad: sameTwo,
  convWeightGrad: sameTwo,
  maxPool: float,
  maxPoolGrad: sameTwo,
  maxPoolPick: sameTwo,
  sumPool: float,
  sumPoolGrad: float,
};
