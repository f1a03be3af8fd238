// The steps of a GRU and their gradient, like those of an LSTM in `lstm.ts`.
import { gruStep, gruStepGrad, type SequenceAttrs } from "@weft/tensor/internals";
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
  name: "gru step",
  formula: gruStep,
  parts: 3,
  start: (w, j) => w.load(3, `${j}u * units + n`),
  own: (w) => [...[0, 1, 2].map((j) => w.load(0, `first + ${j}u * units`)), w.load(1, "place")],
};

const backward: BackwardCell = { name: "gru step", formula: gruStepGrad, parts: 3, back: 1 };

/** Writes gates and hidden states. */
export const gruSequence: Call<SequenceAttrs> = {
  dtypes: ["f32", "i32"], // lengths are integers
  prepare: (launch, machine) => {
    const [[given, first, whh, bhh], lengths] = inputsAndMore(launch, 4);
    const [, hiddens] = outsOf(launch, 2);
    const sizes = sizesOf(given, whh);
    const { steps, batch, units } = sizes;
    return stagePerStep(steps, launch.attrs.reverse, (t, before) => {
      const h = before === undefined ? first : fromElement(hiddens, before * batch * units);
      return forwardStep(forward, { given, h, whh, other: bhh, lengths }, launch.outs, t, sizes, machine);
    });
  },
};

/**
 * Writes the gradients of each step's input, of its recurrent sums, and the part of the gradient that z passes on
 * to the initial state. The step that was run last comes first.
 */
export const gruSequenceGrad: Call<SequenceAttrs> = {
  dtypes: ["f32", "i32"], // lengths are integers
  prepare: (launch, machine) => {
    const [[gates, hiddens, h, whh, gy], lengths] = inputsAndMore(launch, 5);
    const [, , through] = outsOf(launch, 3);
    const sizes = sizesOf(hiddens, whh);
    const { steps, batch, units } = sizes;
    const state = batch * units;
    return stagePerStep(steps, !launch.attrs.reverse, (t, successor, before) => {
      const own = [before === undefined ? h : fromElement(hiddens, before * state)];
      const passed = successor === undefined ? [] : [through];
      const operands = { whh, gy: fromElement(gy, t * state), gates, own, passed, lengths };
      return backwardStep(backward, operands, launch.outs, t, successor, sizes, machine);
    });
  },
};
