// The steps of an LSTM and their gradient: one stage per time step. All but the first and last run one program; only
// addresses differ.
import { lstmStep, lstmStepGrad, type SequenceAttrs } from "@weft/tensor/internals";
import { inputsAndMore, outsOf } from "../forms/operands.ts";
import {
  backwardStep,
  fromElement,
  forwardStep,
  stagePerStep,
  sizesOf,
  type BackwardCell,
  type ForwardCell,
} from "../forms/recurrence.ts";
import type { Call } from "./call.ts";

const forward: ForwardCell = {
  name: "lstm step",
  formula: lstmStep,
  parts: 4,
  start: (w, j) => w.load(0, `first + ${j}u * units`),
  own: (w) => [w.load(3, "place"), w.load(1, "place")],
};

const backward: BackwardCell = { name: "lstm step", formula: lstmStepGrad, parts: 4, back: 0 };

/** Writes gates, cells and hidden states. */
export const lstmSequence: Call<SequenceAttrs> = {
  dtypes: ["f32", "i32"], // lengths are integers
  prepare: (launch, machine) => {
    const [[given, h, c, whh], lengths] = inputsAndMore(launch, 4);
    const [, cells, hiddens] = outsOf(launch, 3);
    const sizes = sizesOf(given, whh);
    const { steps, batch, units } = sizes;
    const state = batch * units;
    return stagePerStep(steps, launch.attrs.reverse, (t, before) => {
      const states =
        before === undefined
          ? { h, other: c }
          : { h: fromElement(hiddens, before * state), other: fromElement(cells, before * state) };
      return forwardStep(forward, { given, ...states, whh, lengths }, launch.outs, t, sizes, machine);
    });
  },
};

/**
 * Writes the gradients of each step's input and that of the initial cells; with lengths also what the initial hidden
 * states pass on. The step that was run last comes first.
 */
export const lstmSequenceGrad: Call<SequenceAttrs> = {
  dtypes: ["f32", "i32"], // lengths are integers
  prepare: (launch, machine) => {
    const { outs } = launch;
    const [[gates, cells, c, whh, gy, gc], lengths] = inputsAndMore(launch, 6);
    const [[, through], passed] = inputsAndMore({ inputs: outs }, 2);
    const sizes = sizesOf(cells, whh);
    const { steps, batch, units } = sizes;
    const state = batch * units;
    return stagePerStep(steps, !launch.attrs.reverse, (t, successor, before) => {
      const last = successor === undefined;
      const cellsBefore = before === undefined ? c : fromElement(cells, before * state);
      const own = [fromElement(cells, t * state), cellsBefore, last ? gc : through];
      const operands = { whh, gy: fromElement(gy, t * state), gates, own, passed: last ? [] : passed, lengths };
      return backwardStep(backward, operands, outs, t, successor, sizes, machine);
    });
  },
};
