// One layer of a recurrent network in one direction: what x gives to all steps at once, and the steps.
import { add, concat, reshape, type Tensor } from "@weft/tensor";
import type { Recurrence } from "@weft/tensor/internals";
import { byTransposed } from "../linear.ts";
import type { Net, Weights } from "./cell.ts";
import { fusedSteps } from "./fused-steps.ts";
import { needSingleSteps, normalized, singleSteps } from "./single-steps.ts";
import { rows, type Course, type Ran } from "./steps.ts";

/** What x gives to the sums of all steps, `[T, B, parts · H]`. */
function givenBy({ parts, apart }: Recurrence, x: Tensor, weights: Weights<Tensor>): Tensor {
  const { weight_ih, weight_norm_ih, bias_ih, bias_hh } = weights;
  const [steps, batch] = x.shape as [number, number];
  let given =
    weight_ih === undefined
      ? concat(Array<Tensor>(parts).fill(rows(x, 0, steps)), { axis: 1 })
      : byTransposed(rows(x, 0, steps), weight_ih);
  if (weight_norm_ih !== undefined) given = normalized(given, weight_norm_ih);
  // A bias of its own belongs to the steps only where the cell gets their sums apart.
  if (bias_ih !== undefined) given = add(given, apart || bias_hh === undefined ? bias_ih : add(bias_ih, bias_hh));
  return reshape(given, [steps, batch, given.shape[1]!]);
}

/**
 * Runs one layer in one direction over x `[T, B, in]`, from states `[B, H]`, h first. A mask `[B, H]` multiplies h where
 * it enters the sums.
 */
export function runLayer(
  { cell }: Net,
  x: Tensor,
  states: readonly Tensor[],
  weights: Weights<Tensor>,
  course: Course,
  mask: Tensor | undefined,
): Ran {
  const given = givenBy(cell, x, weights);
  return mask !== undefined || needSingleSteps(weights)
    ? singleSteps(cell, course, given, states, weights, mask)
    : fusedSteps(cell, course, given, states, weights);
}
