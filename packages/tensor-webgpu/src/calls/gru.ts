// The steps of a GRU and their gradient, as those of an LSTM in `lstm.ts`.
import type { CallLaunch, CallOperand } from "@weft/kernel";
import { gruBackward, gruForward } from "../forms/gru.ts";
import { backwardStep, behind, forwardStep, inTurn } from "../forms/recurrence.ts";
import type { Call } from "./call.ts";

/** Into gates and hiddens, one behind the other. */
export const gruSequence: Call<unknown> = {
  prepare: ({ inputs, out }: CallLaunch, machine) => {
    const [given, first, whh, bhh] = inputs as [CallOperand, CallOperand, CallOperand, CallOperand];
    const [steps, batch] = given.shape as [number, number];
    const [, units] = whh.shape as [number, number];
    return inTurn(steps, (t) => {
      const h = t === 0 ? first : behind(out, (4 * steps + t - 1) * batch * units);
      return forwardStep(gruForward, { given, h, whh, other: bhh, out }, t, { steps, batch, units }, machine);
    });
  },
};

/**
 * Into the gradients of what each step was given, those of its recurrent sums, and what z lets through to the first state, one
 * behind the other; the last step comes first.
 */
export const gruSequenceGrad: Call<unknown> = {
  prepare: ({ inputs, out }: CallLaunch, machine) => {
    const [gates, hiddens, h, whh, gy] = inputs as [CallOperand, CallOperand, CallOperand, CallOperand, CallOperand];
    const [steps, batch, units] = hiddens.shape as [number, number, number];
    const state = batch * units;
    return inTurn(steps, (turn) => {
      const t = steps - 1 - turn;
      const before = t === 0 ? h : behind(hiddens, (t - 1) * state);
      const own = turn === 0 ? [gates, before] : [gates, before, behind(out, 6 * steps * state)];
      const operands = { whh, gy: behind(gy, t * state), own, out };
      return backwardStep(gruBackward(turn === 0), operands, t, { steps, batch, units }, machine);
    });
  },
};
