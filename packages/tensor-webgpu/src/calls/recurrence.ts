// The steps of a recurrent layer and their gradient: one stage per time step, from the cell that the operations are
// made from. All but the first and last run one program; only addresses differ.
import { backwardOperands, forwardOperands, type Cell, type SequenceKernel } from "@weft/tensor/internals";
import { backwardStep, forwardStep, fromElement, sizesOf, stagePerStep } from "../forms/recurrence.ts";
import type { Call } from "./call.ts";

/** The call of an operation over the steps of a sequence. */
export const sequenceCall = <A>({ cell, back, reverse }: SequenceKernel<A>): Call<A> =>
  back ? stepsBack(cell, reverse) : steps(cell, reverse);

/** Writes the gates (if any), the other states and h of each step. */
const steps = <A>(cell: Cell, reverse: SequenceKernel<A>["reverse"]): Call<A> => ({
  dtypes: ["f32", "i32"], // lengths are integers
  prepare: (launch, machine) => {
    const { given, h, others, whh, bhh, lengths } = forwardOperands(cell, launch.inputs);
    /** The results that hold states: the others and h. */
    const states = launch.outs.slice(cell.gates > 0 ? 1 : 0);
    const sizes = sizesOf(given, whh);
    const { steps: count, batch, units } = sizes;
    return stagePerStep(count, reverse(launch.attrs), (t, before) => {
      const firsts =
        before === undefined ? [...others, h] : states.map((state) => fromElement(state, before * batch * units));
      return forwardStep(cell, { given, states: firsts, whh, bhh, lengths }, launch.outs, t, sizes, machine);
    });
  },
});

/**
 * Writes the gradients of each step's input (and recurrent sums), those of the other states at the beginning, and what
 * the first h passes on. The step that was run last comes first.
 */
const stepsBack = <A>(cell: Cell, reverse: SequenceKernel<A>["reverse"]): Call<A> => ({
  dtypes: ["f32", "i32"], // lengths are integers
  prepare: (launch, machine) => {
    const { outs } = launch;
    const { kept } = cell;
    const { gates, states, first, whh, gy, gs, lengths } = backwardOperands(cell, launch.inputs);
    /** The results that are states: the gradients of the others, and what h passes on. */
    const through = outs.slice(cell.apart ? 2 : 1);
    const sizes = sizesOf(states, whh);
    const { steps: count, batch, units } = sizes;
    const state = batch * units;
    return stagePerStep(count, !reverse(launch.attrs), (t, successor, before) => {
      const last = successor === undefined;
      const own = [
        ...(kept.after ? [fromElement(states, t * state)] : []),
        ...(first === undefined ? [] : [before === undefined ? first : fromElement(states, before * state)]),
        ...(last ? gs : through.slice(0, gs.length)),
      ];
      const passed = last ? [] : through.slice(gs.length);
      const operands = { whh, gy: fromElement(gy, t * state), gates, own, passed, lengths };
      return backwardStep(cell, operands, outs, t, successor, sizes, machine);
    });
  },
});
