// The steps of a GRU and their gradient, as those of an LSTM in `lstm.ts`.
import { gruBackward, gruForward } from "../forms/gru.ts";
import { inputsOf } from "../forms/operands.ts";
import { backwardStep, behind, forwardStep, inTurn, sizesOf } from "../forms/recurrence.ts";
import type { Call } from "./call.ts";

/** Into gates and hiddens, one behind the other. */
export const gruSequence: Call<unknown> = {
  prepare: (launch, machine) => {
    const { out } = launch;
    const [given, first, whh, bhh] = inputsOf(launch, 4);
    const sizes = sizesOf(given, whh);
    const { steps, batch, units } = sizes;
    return inTurn(steps, (t) => {
      const h = t === 0 ? first : behind(out, (4 * steps + t - 1) * batch * units);
      return forwardStep(gruForward, { given, h, whh, other: bhh, out }, t, sizes, machine);
    });
  },
};

/**
 * Into the gradients of what each step was given, those of its recurrent sums, and what z lets through to the first state, one
 * behind the other; the last step comes first.
 */
export const gruSequenceGrad: Call<unknown> = {
  prepare: (launch, machine) => {
    const { out } = launch;
    const [gates, hiddens, h, whh, gy] = inputsOf(launch, 5);
    const sizes = sizesOf(hiddens, whh);
    const { steps, batch, units } = sizes;
    const state = batch * units;
    return inTurn(steps, (turn) => {
      const t = steps - 1 - turn;
      const before = t === 0 ? h : behind(hiddens, (t - 1) * state);
      const own = turn === 0 ? [gates, before] : [gates, before, behind(out, 6 * steps * state)];
      const operands = { whh, gy: behind(gy, t * state), own, out };
      return backwardStep(gruBackward(turn === 0), operands, t, sizes, machine);
    });
  },
};
