// The steps of one layer in one direction, one by one, with what a cell alone does not do: a projection, peepholes, layer
// normalization, dropout of h. Slower: a product and more operations a step.
import {
  add,
  concat,
  less,
  mul,
  pad,
  reshape,
  sigmoid,
  slice,
  stack,
  standardize,
  tanh,
  where,
  type Tensor,
} from "@weft/tensor";
import { stepOnTensors, type Recurrence } from "@weft/tensor/internals";
import { byTransposed } from "../linear.ts";
import type { Weights } from "./cell.ts";
import { step, type Course, type Ran } from "./steps.ts";

/** Rows of mean 0 and variance 1, times a weight. */
export const normalized = (x: Tensor, weight: Tensor): Tensor => mul(standardize(x), weight);

/** Whether a layer needs this. */
export const needSingleSteps = (weights: Weights<unknown>): boolean =>
  "weight_hr" in weights || "weight_peephole" in weights || "weight_norm_hh" in weights;

/** Columns from … to − 1 of a matrix, or elements of a vector. */
const part = (x: Tensor, from: number, to: number): Tensor =>
  slice(x, { starts: [...x.shape.slice(1).map(() => 0), from], ends: [...x.shape.slice(0, -1), to] });

/** Steps from the given sums and first states; `mask` `[B, H]` multiplies h where it enters the sums. */
export function singleSteps(
  cell: Recurrence,
  { lengths, reverse }: Course,
  given: Tensor,
  first: readonly Tensor[],
  weights: Weights<Tensor>,
  mask: Tensor | undefined,
): Ran {
  const steps = given.shape[0]!;
  const column = lengths === undefined ? undefined : reshape(lengths, [-1, 1]);
  let states = first;
  const all: Tensor[] = [];
  for (let i = 0; i < steps; i++) {
    const t = reverse ? steps - 1 - i : i;
    const after = oneStep(cell, step(given, t), states, weights, mask);
    const last = states;
    states = column === undefined ? after : after.map((state, k) => where(less(t, column), state, last[k]!));
    all[t] = states[0]!;
  }
  return [stack(all), ...states.slice(1)];
}

function oneStep(
  cell: Recurrence,
  given: Tensor,
  states: readonly Tensor[],
  { weight_hh, bias_hh, weight_hr, weight_peephole, weight_norm_hh, weight_norm_c, bias_norm_c }: Weights<Tensor>,
  mask: Tensor | undefined,
): readonly Tensor[] {
  const [before, c] = states as [Tensor, Tensor?];
  let sums = byTransposed(mask === undefined ? before : mul(before, mask), weight_hh);
  if (weight_norm_hh !== undefined) sums = normalized(sums, weight_norm_hh);
  if (cell.apart && bias_hh !== undefined) sums = add(sums, bias_hh);
  const units = sums.shape[1]! / cell.parts;
  if (weight_peephole !== undefined) {
    // The input and the forget gate, the first two of four, see c before the step.
    const seen = mul(concat([c!, c!], { axis: 1 }), part(weight_peephole, 0, 2 * units));
    sums = add(sums, pad(seen, { pads: [[0, 0], [0, 2 * units]] })); // oxfmt-ignore
  }
  const { gates, states: made } = stepOnTensors(cell, given, sums, states);
  let [h, ...others] = made as [Tensor, ...Tensor[]];
  if (weight_peephole !== undefined || weight_norm_c !== undefined) {
    // h = o·tanh(c) again: the output gate, the last one, sees c after the step, and c is normalized for h alone.
    let [o, next] = [gates.at(-1)!, others[0]!];
    if (weight_peephole !== undefined) {
      const seen = mul(next, part(weight_peephole, 2 * units, 3 * units));
      o = sigmoid(add(part(add(sums, given), 3 * units, 4 * units), seen));
    }
    if (weight_norm_c !== undefined) next = normalized(next, weight_norm_c);
    h = mul(o, tanh(bias_norm_c === undefined ? next : add(next, bias_norm_c)));
  }
  return [weight_hr === undefined ? h : byTransposed(h, weight_hr), ...others];
}
