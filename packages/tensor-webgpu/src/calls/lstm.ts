// The steps of an LSTM and their gradient: one stage per time step. All but the first and last run one program; only
// addresses differ.
import { lstmBackward, lstmForward } from "../forms/lstm.ts";
import { inputsOf } from "../forms/operands.ts";
import { backwardStep, fromElement, forwardStep, stagePerStep, sizesOf } from "../forms/recurrence.ts";
import type { Call } from "./call.ts";

/** Writes gates, cells and hidden states, one after the other. */
export const lstmSequence: Call<unknown> = {
  prepare: (launch, machine) => {
    const { out } = launch;
    const [given, h, c, whh] = inputsOf(launch, 4);
    const sizes = sizesOf(given, whh);
    const { steps, batch, units } = sizes;
    const state = batch * units;
    return stagePerStep(steps, (t) => {
      const states =
        t === 0
          ? { h, other: c }
          : { h: fromElement(out, (5 * steps + t - 1) * state), other: fromElement(out, (4 * steps + t - 1) * state) };
      return forwardStep(lstmForward, { given, ...states, whh, out }, t, sizes, machine);
    });
  },
};

/** Writes the gradients of each step's input, then that of the initial cells. The last step comes first. */
export const lstmSequenceGrad: Call<unknown> = {
  prepare: (launch, machine) => {
    const { out } = launch;
    const [gates, cells, c, whh, gy, gc] = inputsOf(launch, 6);
    const sizes = sizesOf(cells, whh);
    const { steps, batch, units } = sizes;
    const state = batch * units;
    return stagePerStep(steps, (i) => {
      const t = steps - 1 - i;
      const before = t === 0 ? c : fromElement(cells, (t - 1) * state);
      const dc = i === 0 ? gc : fromElement(out, 4 * steps * state);
      const own = [gates, fromElement(cells, t * state), before, dc];
      const operands = { whh, gy: fromElement(gy, t * state), own, out };
      return backwardStep(lstmBackward, operands, t, sizes, machine);
    });
  },
};
