// The steps of a GRU and their gradient, like those of an LSTM in `lstm.ts`.
import type { SequenceAttrs } from "@weft/tensor/internals";
import { gruBackward, gruForward } from "../forms/gru.ts";
import { inputsOf, outsOf } from "../forms/operands.ts";
import { backwardStep, fromElement, forwardStep, stagePerStep, sizesOf } from "../forms/recurrence.ts";
import type { Call } from "./call.ts";

/** Writes gates and hidden states. */
export const gruSequence: Call<SequenceAttrs> = {
  dtypes: ["f32"],
  prepare: (launch, machine) => {
    const [given, first, whh, bhh] = inputsOf(launch, 4);
    const [, hiddens] = outsOf(launch, 2);
    const sizes = sizesOf(given, whh);
    const { steps, batch, units } = sizes;
    return stagePerStep(steps, launch.attrs.reverse, (t, before) => {
      const h = before === undefined ? first : fromElement(hiddens, before * batch * units);
      return forwardStep(gruForward, { given, h, whh, other: bhh }, launch.outs, t, sizes, machine);
    });
  },
};

/**
 * Writes the gradients of each step's input, of its recurrent sums, and the part of the gradient that z passes on
 * to the initial state. The step that was run last comes first.
 */
export const gruSequenceGrad: Call<SequenceAttrs> = {
  dtypes: ["f32"],
  prepare: (launch, machine) => {
    const [gates, hiddens, h, whh, gy] = inputsOf(launch, 5);
    const [, , through] = outsOf(launch, 3);
    const sizes = sizesOf(hiddens, whh);
    const { steps, batch, units } = sizes;
    const state = batch * units;
    return stagePerStep(steps, !launch.attrs.reverse, (t, successor, before) => {
      const last = successor === undefined;
      const hBefore = before === undefined ? h : fromElement(hiddens, before * state);
      const own = last ? [gates, hBefore] : [gates, hBefore, through];
      const operands = { whh, gy: fromElement(gy, t * state), own };
      return backwardStep(gruBackward(last), operands, launch.outs, t, successor, sizes, machine);
    });
  },
};
