// The steps of an LSTM and their gradient: one stage per time step. All but the first and last run one program; only
// addresses differ.
import type { SequenceAttrs } from "@weft/tensor/internals";
import { lstmBackward, lstmForward } from "../forms/lstm.ts";
import { inputsOf, outsOf } from "../forms/operands.ts";
import { backwardStep, fromElement, forwardStep, stagePerStep, sizesOf } from "../forms/recurrence.ts";
import type { Call } from "./call.ts";

/** Writes gates, cells and hidden states. */
export const lstmSequence: Call<SequenceAttrs> = {
  dtypes: ["f32"],
  prepare: (launch, machine) => {
    const [given, h, c, whh] = inputsOf(launch, 4);
    const [, cells, hiddens] = outsOf(launch, 3);
    const sizes = sizesOf(given, whh);
    const { steps, batch, units } = sizes;
    const state = batch * units;
    return stagePerStep(steps, launch.attrs.reverse, (t, before) => {
      const states =
        before === undefined
          ? { h, other: c }
          : { h: fromElement(hiddens, before * state), other: fromElement(cells, before * state) };
      return forwardStep(lstmForward, { given, ...states, whh }, launch.outs, t, sizes, machine);
    });
  },
};

/** Writes the gradients of each step's input and that of the initial cells. The step that was run last comes first. */
export const lstmSequenceGrad: Call<SequenceAttrs> = {
  dtypes: ["f32"],
  prepare: (launch, machine) => {
    const [gates, cells, c, whh, gy, gc] = inputsOf(launch, 6);
    const [, through] = outsOf(launch, 2);
    const sizes = sizesOf(cells, whh);
    const { steps, batch, units } = sizes;
    const state = batch * units;
    return stagePerStep(steps, !launch.attrs.reverse, (t, successor, before) => {
      const cellsBefore = before === undefined ? c : fromElement(cells, before * state);
      const dc = successor === undefined ? gc : through;
      const own = [gates, fromElement(cells, t * state), cellsBefore, dc];
      const operands = { whh, gy: fromElement(gy, t * state), own };
      return backwardStep(lstmBackward, operands, launch.outs, t, successor, sizes, machine);
    });
  },
};
