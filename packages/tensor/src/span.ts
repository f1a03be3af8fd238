// Parts of one axis: where a range begins and how many elements it has, and cutting it out.
import { applyRead } from "./apply.ts";
import { ArgumentError, shown } from "./errors.ts";
import type { Tensor } from "./tensor.ts";

/** A bound of a range; without one the range begins or ends where the axis does. */
export type Bound = number | null | undefined;

/** Elements of an axis: `size` of them from `start` on, `step` apart, and whether they are wanted in reverse order. */
export interface Part {
  readonly start: number;
  readonly size: number;
  readonly step: number;
  readonly backward: boolean;
}

/** The elements of an axis of size d that Python's `[start:end:step]` selects. */
export function partOf(op: string, d: number, start: Bound, end: Bound, by: Bound): Part {
  const step = by ?? 1;
  if (!Number.isInteger(step) || step === 0)
    throw new ArgumentError(`${op}: a step is an integer other than 0, got ${shown(step)}`);
  // As in Python, a backward slice runs from d - 1 down to -1, a forward one from 0 to d.
  const [low, high] = step > 0 ? [0, d] : [-1, d - 1];
  const bound = (at: Bound, otherwise: number): number => {
    if (at === null || at === undefined) return otherwise;
    if (typeof at !== "number" || Math.trunc(at) !== at)
      throw new ArgumentError(`${op}: starts and ends are integers, got ${shown(at)}`);
    return Math.min(Math.max(at < 0 ? at + d : at, low), high);
  };
  const from = bound(start, step > 0 ? low : high);
  const to = bound(end, step > 0 ? high : low);
  const size = Math.max(0, Math.ceil((to - from) / step));
  const first = size === 0 ? 0 : step > 0 ? from : from + (size - 1) * step;
  return { start: first, size, step: Math.abs(step), backward: step < 0 };
}

/** A part of each axis; x itself if all of them are whole. */
export function partsOf(x: Tensor, parts: readonly Part[]): Tensor {
  const attrs = {
    starts: parts.map(({ start }) => start),
    sizes: parts.map(({ size }) => size),
    steps: parts.map(({ step }) => step),
  };
  const y = parts.every(({ size }, i) => size === x.shape[i]) ? x : applyRead("slice", [x], attrs);
  return reversed(y, parts);
}

/** The axes in reverse order whose parts are wanted in it. */
export function reversed(x: Tensor, parts: readonly Part[]): Tensor {
  const axes = parts.flatMap(({ backward }, i) => (backward ? i : []));
  return axes.length > 0 ? applyRead("flip", [x], { axes }) : x;
}

/** `size` elements of an axis from `start` on, `step` apart; they must lie on the axis. The other axes stay whole. */
export function span(x: Tensor, axis: number, start: number, size: number, step = 1): Tensor {
  const { shape } = x;
  const starts = shape.map((_, i) => (i === axis ? start : 0));
  const steps = shape.map((_, i) => (i === axis ? step : 1));
  return applyRead("slice", [x], { starts, sizes: shape.with(axis, size), steps });
}

/** Pieces of these sizes, one after another. */
export function cut(x: Tensor, sizes: readonly number[], axis: number): Tensor[] {
  let start = 0;
  return sizes.map((size) => {
    const piece = span(x, axis, start, size);
    start += size;
    return piece;
  });
}

/** The elements along an axis without the last, and without the first. */
export function neighbors(x: Tensor, axis: number): readonly [before: Tensor, after: Tensor] {
  const size = x.shape[axis]!;
  const pairs = Math.max(0, size - 1);
  return [span(x, axis, 0, pairs), span(x, axis, size - pairs, pairs)];
}

type Repeated<Length extends number, Some extends Tensor[] = []> = Some["length"] extends Length
  ? Some
  : Some["length"] extends 64
    ? Tensor[]
    : Repeated<Length, [...Some, Tensor]>;

type OneEach<List extends readonly unknown[]> = { -readonly [At in keyof List]: Tensor };

/** A tensor for each part, of a number of parts or a list of them: a tuple, if the compiler knows how many. */
export type Pieces<Parts extends number | readonly number[]> = Parts extends readonly number[]
  ? OneEach<Parts>
  : Parts extends number
    ? number extends Parts
      ? Tensor[]
      : Repeated<Parts>
    : never;
