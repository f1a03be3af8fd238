// The cells of plain recurrent networks (Elman 1990): h = relu(sum) or tanh(sum).
import { chosen, dTanh, unchanged, type Cell } from "./cell.ts";
import { recurrenceOf } from "./sequence.ts";

/** One sum; nothing is kept but h, from which the derivative follows. */
const shape = {
  parts: 1,
  names: [],
  gates: 0,
  others: [],
  apart: false,
  kept: { states: "hiddens", first: "h", after: true, before: false },
  passes: false,
} as const satisfies Partial<Cell>;

export const reluCell = /* @__PURE__ */ recurrenceOf({
  name: "reluSequence",
  ...shape,
  forward: (k, alive, sum, h) => [[chosen(k, alive, k.relu(sum), h)]],
  backward: (k, alive, h, d) => [
    [chosen(k, alive, k.where(k.less(k.constant(0), h), d, k.constant(0)), k.constant(0))],
    ...unchanged(k, alive, d),
  ],
});

export const tanhCell = /* @__PURE__ */ recurrenceOf({
  name: "tanhSequence",
  ...shape,
  forward: (k, alive, sum, h) => [[chosen(k, alive, k.tanh(sum), h)]],
  backward: (k, alive, h, d) => [[chosen(k, alive, k.mul(d, dTanh(k, h)), k.constant(0))], ...unchanged(k, alive, d)],
});
