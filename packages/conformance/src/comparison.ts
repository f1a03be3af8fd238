// When a backend's numbers count as right: within a tolerance of the reference, and of one kind where they are not finite.
import { isFloat, type DType, type Shape } from "@weft/tensor";
import type { Family, Tolerance } from "./sample.ts";

/** In f32. A sum of n products errs by about √n roundings, a polynomial by a few. */
export const tolerances: Record<Family, Tolerance> = {
  elementwise: { relative: 2e-6, absolute: 4e-7 },
  reduce: { relative: 4e-6, absolute: 2e-6 },
  movement: { relative: 0, absolute: 0 },
  indexing: { relative: 1e-6, absolute: 1e-6 },
  linalg: { relative: 4e-6, absolute: 4e-6 },
  conv: { relative: 4e-6, absolute: 4e-6 },
  random: { relative: 0, absolute: 0 },
  fused: { relative: 8e-6, absolute: 2e-6 },
};

/** How much closer f64 must come. Functions may differ in their last digits. */
const DOUBLE = 1e-6;
/** How much further a gradient may be off: it is a chain of operations. */
const CHAIN = 8;

export interface Result {
  readonly data: ArrayLike<number>;
  readonly shape: Shape;
  readonly dtype: DType;
}

const scaled = ({ relative, absolute }: Tolerance, by: number): Tolerance => ({
  relative: relative * by,
  absolute: absolute * by,
});

/** The tolerance of a family for values or gradients, in f32 or f64. */
export const toleranceOf = (tolerance: Tolerance, gradient: boolean, double: boolean): Tolerance => {
  const chained = gradient
    ? scaled({ relative: tolerance.relative || 1e-6, absolute: tolerance.absolute || 1e-6 }, CHAIN)
    : tolerance;
  return double ? scaled(chained, DOUBLE) : chained;
};

/** Throws where a result is not what was wanted: another shape, another dtype, a number too far off. */
export function compare(what: string, got: Result, wanted: Result, { relative, absolute }: Tolerance): void {
  if (got.shape.join() !== wanted.shape.join())
    throw new Error(`${what}: wanted shape [${wanted.shape.join(", ")}], got [${got.shape.join(", ")}]`);
  if (got.dtype !== wanted.dtype) throw new Error(`${what}: wanted ${wanted.dtype}, got ${got.dtype}`);
  if (got.data.length !== wanted.data.length)
    throw new Error(`${what}: wanted ${wanted.data.length} elements, got ${got.data.length}`);
  const exact = !isFloat(wanted.dtype);
  // What f32 cannot hold is infinite there.
  const round = wanted.dtype === "f32" ? Math.fround : (x: number): number => x;
  let largest = 1;
  for (let i = 0; i < wanted.data.length; i++) {
    const size = Math.abs(round(wanted.data[i]!));
    if (size > largest && size < Infinity) largest = size;
  }
  for (let i = 0; i < wanted.data.length; i++) {
    const [g, w] = [got.data[i]!, round(wanted.data[i]!)];
    if (g === w || (Number.isNaN(g) && Number.isNaN(w))) continue;
    const allowed = exact ? 0 : relative * Math.abs(w) + absolute * largest;
    if (!(Math.abs(g - w) <= allowed) || !Number.isFinite(w))
      throw new Error(
        `${what}: element ${i} of ${wanted.dtype}[${wanted.shape.join(", ")}] is ${g}, wanted ${w} ± ${allowed.toPrecision(2)}`,
      );
  }
}
