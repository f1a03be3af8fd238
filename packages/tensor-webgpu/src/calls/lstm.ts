// The steps of an LSTM and their gradient: a stage a time step. All stages but the ends run one program; they differ in addresses.
import { lstmBackward, lstmForward } from "../forms/lstm.ts";
import { inputsOf } from "../forms/operands.ts";
import { backwardStep, behind, forwardStep, inTurn, sizesOf } from "../forms/recurrence.ts";
import type { Call } from "./call.ts";

/** Into gates, cells and hiddens, one behind the other. */
export const lstmSequence: Call<unknown> = {
  prepare: (launch, machine) => {
    const { out } = launch;
    const [given, h, c, whh] = inputsOf(launch, 4);
    const sizes = sizesOf(given, whh);
    const { steps, batch, units } = sizes;
    const state = batch * units;
    return inTurn(steps, (t) => {
      const states =
        t === 0
          ? { h, other: c }
          : { h: behind(out, (5 * steps + t - 1) * state), other: behind(out, (4 * steps + t - 1) * state) };
      return forwardStep(lstmForward, { given, ...states, whh, out }, t, sizes, machine);
    });
  },
};

/** Into the gradients of what each step was given, behind them that of the first cells; the last step comes first. */
export const lstmSequenceGrad: Call<unknown> = {
  prepare: (launch, machine) => {
    const { out } = launch;
    const [gates, cells, c, whh, gy, gc] = inputsOf(launch, 6);
    const sizes = sizesOf(cells, whh);
    const { steps, batch, units } = sizes;
    const state = batch * units;
    return inTurn(steps, (turn) => {
      const t = steps - 1 - turn;
      const before = t === 0 ? c : behind(cells, (t - 1) * state);
      const dc = turn === 0 ? gc : behind(out, 4 * steps * state);
      const own = [gates, behind(cells, t * state), before, dc];
      const operands = { whh, gy: behind(gy, t * state), own, out };
      return backwardStep(lstmBackward, operands, t, sizes, machine);
    });
  },
};
