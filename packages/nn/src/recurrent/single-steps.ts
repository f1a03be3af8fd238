// The steps of one layer in one direction, one by one, with what a cell alone does not do: a projection, peepholes, layer
// normalization, dropout of h. Slower: a product and more operations a step.
import {
  add,
  concat,
  less,
  mul,
  reshape,
  sigmoid,
  slice,
  stack,
  standardize,
  tanh,
  where,
  zerosLike,
  type Tensor,
} from "@weft/tensor";
import { stepOnTensors, type Recurrence } from "@weft/tensor/internals";
import { byTransposed } from "../linear.ts";
import { peepholeGates, type Weights } from "./cell.ts";
import { step, type Course, type Ran } from "./steps.ts";

/** Rows of mean 0 and variance 1, times a weight. */
export const normalized = (x: Tensor, weight: Tensor): Tensor => mul(standardize(x), weight);

/** Whether a layer needs this. */
export const needSingleSteps = (weights: Weights<unknown>): boolean =>
  "weight_hr" in weights || "weight_peephole" in weights || "weight_norm_hh" in weights;

/** Block k of so many units: of the columns of a matrix, or of the elements of a vector. */
const block = (x: Tensor, k: number, units: number): Tensor =>
  slice(x, {
    starts: [...x.shape.slice(1).map(() => 0), k * units],
    ends: [...x.shape.slice(0, -1), (k + 1) * units],
  });

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
  /** What a gate sees of c. */
  const seen = (gate: (typeof peepholeGates)[number], c: Tensor): Tensor =>
    mul(c, block(weight_peephole!, peepholeGates.indexOf(gate), units));
  if (weight_peephole !== undefined) {
    const nothing = zerosLike(c!);
    // The input and the forget gate see c before the step.
    const parts = cell.names.map((gate) => (gate === "i" || gate === "f" ? seen(gate, c!) : nothing));
    sums = add(sums, concat(parts, { axis: 1 }));
  }
  const { gates, states: made } = stepOnTensors(cell, given, sums, states);
  let [h, ...others] = made as [Tensor, ...Tensor[]];
  if (weight_peephole !== undefined || weight_norm_c !== undefined) {
    // h = o·tanh(c) again: the output gate sees c after the step, and c is normalized for h alone.
    const output = cell.names.indexOf("o");
    let [o, next] = [gates[output]!, others[0]!];
    if (weight_peephole !== undefined) o = sigmoid(add(block(add(sums, given), output, units), seen("o", next)));
    if (weight_norm_c !== undefined) next = normalized(next, weight_norm_c);
    h = mul(o, tanh(bias_norm_c === undefined ? next : add(next, bias_norm_c)));
  }
  return [weight_hr === undefined ? h : byTransposed(h, weight_hr), ...others];
}
