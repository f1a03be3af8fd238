// The cell of an LSTM, forward and backward: what the steps of `recurrence.ts` do on one element.
import { storeEach, type BackwardCell, type ForwardCell } from "./recurrence.ts";

/** From the cells before the step (operand 3): gates, cells and hidden states, one after the other in `out`. */
export const lstmForward: ForwardCell = {
  name: "lstm step",
  parts: 4,
  before: (w) => `
    var sum = vec4f(${[0, 1, 2, 3].map((j) => w.load(0, `first + ${j}u * units`)).join(", ")});
    let before = ${w.load(3, "place")};`,
  after: (w) => `
      let i = ${w.at.name}_sigmoid(sum.x);
      let f = ${w.at.name}_sigmoid(sum.y);
      let g = ${w.at.name}_tanh(sum.z);
      let o = ${w.at.name}_sigmoid(sum.w);
      let cell = fma(f, before, i * g);
      let hidden = o * ${w.at.name}_tanh(cell);
      ${storeEach(w, "stateAt + place", "plane", ["i", "f", "g", "o", "cell", "hidden"])}`,
};

/**
 * From the gates of all steps, the step's cells, those before it, and the gradient of its cells so far. Writes into
 * `out` the gradients of the step's four sums, and after those of all steps, the gradient of the cells before it.
 */
export const lstmBackward: BackwardCell = {
  name: "lstm step",
  parts: 4,
  skipped: 0,
  before: (w) => `
    let i = ${w.load(2, "stateAt + place")};
    let f = ${w.load(2, "stateAt + plane + place")};
    let g = ${w.load(2, "stateAt + 2u * plane + place")};
    let o = ${w.load(2, "stateAt + 3u * plane + place")};
    let cell = ${w.load(3, "place")};
    let before = ${w.load(4, "place")};
    let dc = ${w.load(5, "place")};`,
  after: (w) => `
      let squashed = ${w.at.name}_tanh(cell);
      let all = fma(sum * o, 1f - squashed * squashed, dc);
      let di = all * g * (i * (1f - i));
      let df = all * before * (f * (1f - f));
      let dg = all * i * (1f - g * g);
      let do_ = sum * squashed * (o * (1f - o));
      let dBefore = all * f;
      ${storeEach(w, "at", "units", ["di", "df", "dg", "do_"])}
      ${w.store("4u * plane + place", "dBefore")}`,
};
