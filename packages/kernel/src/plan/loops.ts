// Loops of a launch: axes of size 1 are removed, and neighboring axes that every operand walks with one stride become
// one loop.
import type { Shape } from "@weft/tensor";
import { sizeOf } from "@weft/tensor/internals";
import type { LaneStride } from "../language.ts";
import { isRowMajor } from "../graph/view.ts";

/** One operand's strides over an index space, in elements. */
export type Strides = readonly number[];

export interface Loops {
  readonly sizes: readonly number[];
  /** How many of the last loops are reduced. */
  readonly reduced: number;
  /** For each operand, one stride per loop. */
  readonly strides: readonly Strides[];
}

/** Loop counters are 32-bit words. */
export const COUNTED = 2 ** 32;

const unit: Strides = [1];

/**
 * Puts kept axes before reduced ones and merges axes. There is at least one loop; a reduction has at least one reduced
 * loop.
 */
export function loopsOf(
  shape: Shape,
  operands: readonly { readonly strides: Strides }[],
  reducedAxes: readonly number[],
  reduce: boolean,
): Loops {
  // Most launches walk all operands in order.
  if (!reduce && operands.every((o) => isRowMajor(shape, o.strides)))
    return { sizes: [sizeOf(shape)], reduced: 0, strides: operands.map(() => unit) };
  const sizes: number[] = [];
  const strides: number[][] = operands.map(() => []);
  const take = (folded: boolean): void => {
    const from = sizes.length;
    for (let a = 0; a < shape.length; a++) {
      const size = shape[a]!;
      if (size === 1 || reducedAxes.includes(a) !== folded) continue;
      const last = sizes.length - 1;
      const one = last >= from && sizes[last]! * size < COUNTED;
      if (one && operands.every((o, i) => strides[i]![last] === o.strides[a]! * size)) {
        sizes[last]! *= size;
        operands.forEach((o, i) => (strides[i]![last] = o.strides[a]!));
      } else {
        sizes.push(size);
        operands.forEach((o, i) => strides[i]!.push(o.strides[a]!));
      }
    }
  };
  take(false);
  const kept = sizes.length;
  if (reduce) take(true);
  if (sizes.length === (reduce ? kept : 0)) {
    sizes.push(1);
    for (const s of strides) s.push(1);
  }
  return { sizes, reduced: reduce ? sizes.length - kept : 0, strides };
}

export const stepOf = (stride: number): LaneStride => (stride === 0 ? "still" : stride === 1 ? "unit" : "stride");
