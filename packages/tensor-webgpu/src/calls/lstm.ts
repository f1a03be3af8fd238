// The steps of an LSTM and their gradient: one stage per time step. All but the first and last run one program; only
// addresses differ.
import { lstmBackward, lstmForward } from "../forms/lstm.ts";
import { inputsOf, outsOf } from "../forms/operands.ts";
import { backwardStep, fromElement, forwardStep, stagePerStep, sizesOf } from "../forms/recurrence.ts";
import type { Call } from "./call.ts";

/** Writes gates, cells and hidden states. */
export const lstmSequence: Call<unknown> = {
  prepare: (launch, machine) => {
    const [given, h, c, whh] = inputsOf(launch, 4);
    const [, cells, hiddens] = outsOf(launch, 3);
    const sizes = sizesOf(given, whh);
    const { steps, batch, units } = sizes;
    const state = batch * units;
    return stagePerStep(steps, (t) => {
      const before = (t - 1) * state;
      const states = t === 0 ? { h, other: c } : { h: fromElement(hiddens, before), other: fromElement(cells, before) };
      return forwardStep(lstmForward, { given, ...states, whh }, launch.outs, t, sizes, machine);
    });
  },
};

/** Writes the gradients of each step's input and that of the initial cells. The last step comes first. */
export const lstmSequenceGrad: Call<unknown> = {
  prepare: (launch, machine) => {
    const [gates, cells, c, whh, gy, gc] = inputsOf(launch, 6);
    const [, through] = outsOf(launch, 2);
    const sizes = sizesOf(cells, whh);
    const { steps, batch, units } = sizes;
    const state = batch * units;
    return stagePerStep(steps, (i) => {
      const t = steps - 1 - i;
      const before = t === 0 ? c : fromElement(cells, (t - 1) * state);
      const dc = i === 0 ? gc : through;
      const own = [gates, fromElement(cells, t * state), before, dc];
      const operands = { whh, gy: fromElement(gy, t * state), own };
      return backwardStep(lstmBackward, operands, launch.outs, t, sizes, machine);
    });
  },
};
