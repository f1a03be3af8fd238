// What the ways to run the steps of one layer in one direction have in common.
import { reshape, slice, squeeze, type Tensor } from "@weft/tensor";

/** Which steps are run, and from which end. */
export interface Course {
  readonly lengths: Tensor | undefined;
  readonly reverse: boolean;
}

/** Step t of a sequence `[T, B, n]`, as `[B, n]`. */
export const step = (x: Tensor, t: number): Tensor => squeeze(slice(x, { starts: [t], ends: [t + 1] }), 0);

/** Steps from … to − 1 as rows `[steps · B, n]`. */
export const rows = (x: Tensor, from: number, to: number): Tensor =>
  reshape(slice(x, { starts: [from], ends: [to] }), [-1, x.shape[2]!]);

/** The steps that are run first and last. */
export const ends = (steps: number, reverse: boolean): readonly [first: number, last: number] =>
  reverse ? [steps - 1, 0] : [0, steps - 1];

/** h after each step, `[T, B, H]`, and the other states after the last one that is run. */
export type Ran = readonly [all: Tensor, ...ends: Tensor[]];
