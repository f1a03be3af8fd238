// The steps of a GRU and their gradient, like those of an LSTM in `lstm.ts`.
import { gruBackward, gruForward } from "../forms/gru.ts";
import { inputsOf } from "../forms/operands.ts";
import { backwardStep, fromElement, forwardStep, stagePerStep, sizesOf } from "../forms/recurrence.ts";
import type { Call } from "./call.ts";

/** Writes gates and hidden states, one after the other. */
export const gruSequence: Call<unknown> = {
  prepare: (launch, machine) => {
    const { out } = launch;
    const [given, first, whh, bhh] = inputsOf(launch, 4);
    const sizes = sizesOf(given, whh);
    const { steps, batch, units } = sizes;
    return stagePerStep(steps, (t) => {
      const h = t === 0 ? first : fromElement(out, (4 * steps + t - 1) * batch * units);
      return forwardStep(gruForward, { given, h, whh, other: bhh, out }, t, sizes, machine);
    });
  },
};

/**
 * Writes the gradients of each step's input, then of its recurrent sums, then the part of the gradient that z passes on
 * to the initial state. The last step comes first.
 */
export const gruSequenceGrad: Call<unknown> = {
  prepare: (launch, machine) => {
    const { out } = launch;
    const [gates, hiddens, h, whh, gy] = inputsOf(launch, 5);
    const sizes = sizesOf(hiddens, whh);
    const { steps, batch, units } = sizes;
    const state = batch * units;
    return stagePerStep(steps, (i) => {
      const t = steps - 1 - i;
      const before = t === 0 ? h : fromElement(hiddens, (t - 1) * state);
      const own = i === 0 ? [gates, before] : [gates, before, fromElement(out, 6 * steps * state)];
      const operands = { whh, gy: fromElement(gy, t * state), own, out };
      return backwardStep(gruBackward(i === 0), operands, t, sizes, machine);
    });
  },
};
