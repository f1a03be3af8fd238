// The steps of a GRU and their gradient, like those of an LSTM in `lstm.ts`.
import { gruBackward, gruForward } from "../forms/gru.ts";
import { inputsOf, outsOf } from "../forms/operands.ts";
import { backwardStep, fromElement, forwardStep, stagePerStep, sizesOf } from "../forms/recurrence.ts";
import type { Call } from "./call.ts";

/** Writes gates and hidden states. */
export const gruSequence: Call<unknown> = {
  prepare: (launch, machine) => {
    const [given, first, whh, bhh] = inputsOf(launch, 4);
    const [, hiddens] = outsOf(launch, 2);
    const sizes = sizesOf(given, whh);
    const { steps, batch, units } = sizes;
    return stagePerStep(steps, (t) => {
      const h = t === 0 ? first : fromElement(hiddens, (t - 1) * batch * units);
      return forwardStep(gruForward, { given, h, whh, other: bhh }, launch.outs, t, sizes, machine);
    });
  },
};

/**
 * Writes the gradients of each step's input, of its recurrent sums, and the part of the gradient that z passes on
 * to the initial state. The last step comes first.
 */
export const gruSequenceGrad: Call<unknown> = {
  prepare: (launch, machine) => {
    const [gates, hiddens, h, whh, gy] = inputsOf(launch, 5);
    const [, , through] = outsOf(launch, 3);
    const sizes = sizesOf(hiddens, whh);
    const { steps, batch, units } = sizes;
    const state = batch * units;
    return stagePerStep(steps, (i) => {
      const t = steps - 1 - i;
      const before = t === 0 ? h : fromElement(hiddens, (t - 1) * state);
      const own = i === 0 ? [gates, before] : [gates, before, through];
      const operands = { whh, gy: fromElement(gy, t * state), own };
      return backwardStep(gruBackward(i === 0), operands, launch.outs, t, sizes, machine);
    });
  },
};
