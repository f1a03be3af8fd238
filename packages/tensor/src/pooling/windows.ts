// Options of pooling as attributes of its primitives.
import type { PoolAttrs } from "../ops.ts";
import { boolean, numbers } from "../options.ts";
import { autoPadding, each, reachOf, sides, type AutoPadding, type PerAxis } from "../spatial.ts";

export interface PoolOptions {
  readonly window: PerAxis;
  /** The window's size by default, so that windows do not overlap. */
  readonly stride?: PerAxis;
  readonly padding?: AutoPadding;
  /** Whether a last window that reaches beyond x counts; false by default. */
  readonly ceilMode?: boolean;
}

export const poolKinds = { window: numbers, stride: numbers, padding: autoPadding, ceilMode: boolean };

/** The attributes, and the padding as it was given: `ceilMode` adds to it. */
export interface Pooling {
  readonly attrs: PoolAttrs;
  readonly given: PoolAttrs["padding"];
}

/** Reads the options of pooling over images of this shape, `[N, C, …]`. */
export function pooling(
  op: string,
  shape: readonly number[],
  { window, stride = window, padding = 0, ceilMode = false, dilation = 1 }: PoolOptions & { dilation?: PerAxis },
): Pooling {
  const input = shape.slice(2);
  const windows = {
    input,
    window: each(op, "window", window, input.length),
    stride: each(op, "stride", stride, input.length),
    dilation: each(op, "dilation", dilation, input.length),
  };
  const given = sides(op, padding, windows);
  const attrs = { window: windows.window, stride: windows.stride, dilation: windows.dilation };
  if (!ceilMode) return { attrs: { ...attrs, padding: given }, given };
  const padded = given.map(([low, high], i): readonly [number, number] => {
    const [size, step, reach] = [input[i] ?? 1, windows.stride[i] ?? 1, reachOf(windows, i)];
    const last = Math.ceil((size + low + high - reach) / step);
    // Each window begins in x or in the padding before it.
    const begin = (last * step >= size + low ? last - 1 : last) * step;
    return [low, Math.max(high, begin + reach - size - low)];
  });
  return { attrs: { ...attrs, padding: padded }, given };
}
