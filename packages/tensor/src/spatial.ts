// Options of functions with windows over one to three spatial axes: one number for all axes, or one per axis.
import { listOf, text } from "./axes.ts";
import { ShapeError } from "./errors.ts";
import type { Shape } from "./ops.ts";
import { either, finite, list, oneOf, positiveCount, type OptionKind } from "./options.ts";
import { MOST } from "./rules/conv.ts";
import type { Tensor } from "./tensor.ts";

export type PerAxis = number | readonly number[];
/** What lies on both sides of each spatial axis: one number, one number per axis, or [before, after] per axis. */
export type Padding = number | readonly (number | readonly [number, number])[];
/** Padding, or `"same"`: as much as keeps the size divided by the stride, rounded up; `"valid"` is none. */
export type AutoPadding = Padding | "same" | "valid";

export const padding: OptionKind<Padding> = either(finite, list);
export const autoPadding: OptionKind<AutoPadding> = either(padding, oneOf("same", "valid"));

/** The size of a result: one for all spatial axes, or one per axis, where null keeps the size. */
export type OutputSize = number | readonly (number | null)[];
const isSize = (x: unknown): boolean => x === null || positiveCount.is(x);
export const outputSize: OptionKind<OutputSize> = {
  wanted: `${positiveCount.wanted}, or a list of them and of null, which keeps the size,`,
  is: (x): x is OutputSize => positiveCount.is(x) || (Array.isArray(x) && x.every(isSize)),
};

/** How images become larger or smaller. */
export type InterpolateMode = "nearest" | "nearest-exact" | "linear" | "bilinear" | "trilinear" | "bicubic" | "area";
// oxfmt-ignore
export const interpolateMode: OptionKind<InterpolateMode> = /* @__PURE__ */ oneOf("nearest", "nearest-exact", "linear", "bilinear", "trilinear", "bicubic", "area");

/** Refuses images without elements, and results of no or of too many elements along an axis. */
export function checkResize(op: string, shape: Shape, sizes: Shape): void {
  if (![...shape.slice(2), ...sizes].every((d) => d >= 1 && d <= MOST))
    throw new ShapeError(
      `${op}: images of shape ${text(shape)} cannot have the size ${text(sizes)}: spatial axes have 1 to ${MOST} elements`,
    );
}

/** The number of spatial axes of x `[N, C, …]`. */
export function spatial(op: string, x: Tensor): number {
  const n = x.shape.length - 2;
  if (n < 1 || n > 3)
    throw new ShapeError(
      `${op}: shape ${text(x.shape)} does not fit: wanted [N, C, ...] with one to three spatial axes`,
    );
  return n;
}

/** An option with `n` entries: a number stands for all of them. */
export const each = <T>(op: string, name: string, option: number | readonly T[], n: number): readonly (number | T)[] =>
  typeof option === "number" ? Array.from({ length: n }, () => option) : listOf(op, name, option);

/** Like `each`, for x `[N, C, …]` of this shape: refuses a list that does not have an entry for each spatial axis. */
export function eachOf<T>(
  op: string,
  name: string,
  option: number | readonly T[],
  shape: Shape,
): readonly (number | T)[] {
  const n = shape.length - 2;
  const list = each(op, name, option, n);
  if (list.length !== n)
    throw new ShapeError(`${op}: shape ${text(shape)} has ${n} spatial axes, ${name} has ${list.length}`);
  return list;
}

type Sides = readonly (readonly [number, number])[];

export const pairs = (op: string, given: Padding, n: number): Sides =>
  each(op, "padding", given, n).map((p) => each(op, "padding", p, 2) as readonly [number, number]);

/** Windows of these sizes, so far apart, over an input; `dilation` apart are the elements of a window. */
export interface Windows {
  readonly input: Shape;
  readonly window: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
}

/** From the first element of a window to its last one. */
export const reachOf = ({ window, dilation }: Windows, axis: number): number =>
  (dilation[axis] ?? 1) * ((window[axis] ?? 1) - 1) + 1;

/** The padding before and after each axis. */
export function sides(op: string, given: AutoPadding, windows: Windows): Sides {
  const { input, stride } = windows;
  if (given === "valid") return input.map(() => [0, 0]);
  if (given !== "same") return pairs(op, given, input.length);
  return input.map((size, i) => {
    const step = stride[i] ?? 1;
    const all = Math.max((Math.ceil(size / step) - 1) * step + reachOf(windows, i) - size, 0);
    return [Math.floor(all / 2), Math.ceil(all / 2)];
  });
}
