// The steps of an LSTM and their gradient: a stage a time step. All stages but the ends run one program; they differ in addresses.
import type { CallLaunch, CallOperand } from "@weft/kernel";
import { lstmBackward, lstmForward } from "../forms/lstm.ts";
import { backwardStep, behind, forwardStep, inTurn } from "../forms/recurrence.ts";
import type { Call } from "./call.ts";

/** Into gates, cells and hiddens, one behind the other. */
export const lstmSequence: Call<unknown> = {
  prepare: ({ inputs, out }: CallLaunch, machine) => {
    const [given, h, c, whh] = inputs as [CallOperand, CallOperand, CallOperand, CallOperand];
    const [steps, batch] = given.shape as [number, number];
    const [, units] = whh.shape as [number, number];
    const state = batch * units;
    return inTurn(steps, (t) => {
      const states =
        t === 0
          ? { h, other: c }
          : { h: behind(out, (5 * steps + t - 1) * state), other: behind(out, (4 * steps + t - 1) * state) };
      return forwardStep(lstmForward, { given, ...states, whh, out }, t, { steps, batch, units }, machine);
    });
  },
};

/** Into the gradients of what each step was given, behind them that of the first cells; the last step comes first. */
export const lstmSequenceGrad: Call<unknown> = {
  prepare: ({ inputs, out }: CallLaunch, machine) => {
    const [gates, cells, c, whh, gy, gc] = inputs as [
      CallOperand,
      CallOperand,
      CallOperand,
      CallOperand,
      CallOperand,
      CallOperand,
    ];
    const [steps, batch, units] = cells.shape as [number, number, number];
    const state = batch * units;
    return inTurn(steps, (turn) => {
      const t = steps - 1 - turn;
      const before = t === 0 ? c : behind(cells, (t - 1) * state);
      const dc = turn === 0 ? gc : behind(out, 4 * steps * state);
      const own = [gates, behind(cells, t * state), before, dc];
      const operands = { whh, gy: behind(gy, t * state), own, out };
      return backwardStep(lstmBackward, operands, t, { steps, batch, units }, machine);
    });
  },
};
