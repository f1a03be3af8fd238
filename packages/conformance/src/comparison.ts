// When a backend's numbers count as right: within a tolerance of the reference, and of the same kind if not finite.
import type { DType, Shape } from "@weft/tensor";
import { isFloat } from "@weft/tensor/internals";
import type { Family, Tolerance } from "./sample.ts";

/**
 * For f32. A polynomial errs by a few roundings of its value. A sum of n products errs by about √n roundings of its
 * terms, whose size shows in the largest element of the result: there `absolute` is multiplied by that.
 */
export const tolerances: Record<Family, Tolerance> = {
  elementwise: { relative: 2e-6, absolute: 4e-7, sums: false },
  reduce: { relative: 4e-6, absolute: 2e-6, sums: true },
  movement: { relative: 0, absolute: 0, sums: false },
  indexing: { relative: 1e-6, absolute: 1e-6, sums: true },
  linalg: { relative: 4e-6, absolute: 4e-6, sums: true },
  conv: { relative: 4e-6, absolute: 4e-6, sums: true },
  random: { relative: 0, absolute: 0, sums: false },
  fused: { relative: 8e-6, absolute: 2e-6, sums: true },
};

/** The tolerance of a gradient: a chain of operations, and sums where operands were broadcast. */
export const ofGradient = ({ relative, absolute }: Tolerance): Tolerance => ({
  relative: 8 * (relative || 1e-6),
  absolute: 8 * (absolute || 1e-6),
  sums: true,
});

/** The factor by which f64 must be closer. Functions may differ in their last digits. */
const DOUBLE = 1e-6;

export interface Result {
  readonly data: ArrayLike<number>;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Throws if a result has another shape or dtype than wanted, or a number too far off. */
export function compare(what: string, got: Result, wanted: Result, tolerance: Tolerance): void {
  if (got.shape.join() !== wanted.shape.join())
    throw new Error(`${what}: wanted shape [${wanted.shape.join(", ")}], got [${got.shape.join(", ")}]`);
  if (got.dtype !== wanted.dtype) throw new Error(`${what}: wanted ${wanted.dtype}, got ${got.dtype}`);
  if (got.data.length !== wanted.data.length)
    throw new Error(`${what}: wanted ${wanted.data.length} elements, got ${got.data.length}`);
  const strict = !isFloat(wanted.dtype) ? 0 : wanted.dtype === "f64" ? DOUBLE : 1;
  const relative = strict * tolerance.relative;
  const absolute = strict * tolerance.absolute;
  // Numbers too large for f32 are infinite there.
  const round = wanted.dtype === "f32" ? Math.fround : (x: number): number => x;
  let largest = 1;
  for (let i = 0; tolerance.sums && i < wanted.data.length; i++) {
    const size = Math.abs(round(wanted.data[i]!));
    if (size > largest && size < Infinity) largest = size;
  }
  for (let i = 0; i < wanted.data.length; i++) {
    const [g, w] = [got.data[i]!, round(wanted.data[i]!)];
    if (g === w || (Number.isNaN(g) && Number.isNaN(w))) continue;
    const allowed = relative * Math.abs(w) + absolute * largest;
    if (!(Math.abs(g - w) <= allowed) || !Number.isFinite(w))
      throw new Error(
        `${what}: element ${i} of ${wanted.dtype}[${wanted.shape.join(", ")}] is ${g}, wanted ${w} ± ${allowed.toPrecision(2)}`,
      );
  }
}
