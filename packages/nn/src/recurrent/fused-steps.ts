// All steps of one layer in one direction as one operation.
import { customGradient } from "@weft/autograd";
import { add, concat, matmul, reshape, sum, transpose, type Tensor } from "@weft/tensor";
import { sequence, sequenceGrad, type Recurrence } from "@weft/tensor/internals";
import type { Weights } from "./cell.ts";
import { ends, rows, step, type Course, type Ran } from "./steps.ts";

/**
 * The state h `[B, H]` before each step, as rows `[T · B, H]`: the initial one, and all of y but that of the last step.
 */
const before = (h: Tensor, y: Tensor, reverse: boolean): Tensor => {
  const steps = y.shape[0]!;
  if (steps === 1) return h;
  return concat(reverse ? [rows(y, 1, steps), h] : [h, rows(y, 0, steps - 1)], { axis: 0 });
};

/**
 * The backward pass is written by hand: then the gradient of the recurrent weight is one
 * product over all steps instead of one per step. It uses public functions only, so it can be differentiated again.
 */
export function fusedSteps(
  cell: Recurrence,
  { lengths, reverse }: Course,
  given: Tensor,
  states: readonly Tensor[],
  { weight_hh, bias_hh }: Weights<Tensor>,
): Ran {
  const count = states.length;
  const f = customGradient((from: Tensor, recurrent: Tensor, ...rest: Tensor[]) => {
    const [steps, batch, width] = from.shape as [number, number, number];
    const [first, last] = ends(steps, reverse);
    const firsts = rest.slice(0, count);
    const bias = rest.slice(count, count + (cell.apart ? 1 : 0));
    const more = rest.slice(count + bias.length);
    const course = { lengths: more[0], reverse };
    const made = sequence(cell, from, firsts, [recurrent, ...bias] as [Tensor, Tensor?], course);
    const [hiddens, ...others] = made.states as [Tensor, ...Tensor[]];
    const pullback = (...gs: Tensor[]) => {
      const grads = sequenceGrad(cell, made, firsts, recurrent, gs, course);
      const through = matmul(step(grads.recurrent, first), recurrent);
      const flat = reshape(grads.recurrent, [steps * batch, width]);
      return [
        grads.given,
        matmul(transpose(flat), before(firsts[0]!, hiddens, reverse)),
        grads.h === undefined ? through : add(grads.h, through),
        ...grads.others,
        ...bias.map(() => sum(flat, { axis: 0 })),
        ...more.map(() => null),
      ];
    };
    return { value: [hiddens, ...others.map((state) => step(state, last))] as [Tensor, ...Tensor[]], pullback };
  });
  const none = (): Tensor => given.backend.zeros([weight_hh.shape[0]!], { dtype: given.dtype });
  const biases = cell.apart ? [bias_hh ?? none()] : [];
  return f(given, weight_hh, ...states, ...biases, ...(lengths === undefined ? [] : [lengths]));
}
