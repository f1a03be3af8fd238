// The cell of an LSTM, forward and backward: what the steps of `recurrence.ts` do on one element.
import { putEach, type BackwardCell, type ForwardCell } from "./recurrence.ts";

/** From the cells before the step (operand 3): gates, cells and hidden states (operands 4 to 6). */
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
      ${putEach(w, 4, "stateAt + place", "plane", ["i", "f", "g", "o"])}
      ${w.put(5, "stateAt + place", "cell")}
      ${w.put(6, "stateAt + place", "hidden")}`,
};

/**
 * From the gates of all steps, the step's cells, those before it, and the gradient of its cells so far. Writes the
 * gradients of the step's four sums, and the gradient of the cells before it: one result each.
 */
export const lstmBackward: BackwardCell = {
  name: "lstm step",
  parts: 4,
  back: 0,
  before: (w) => `
    let i = ${w.load(2, "stateAt + place")};
    let f = ${w.load(2, "stateAt + plane + place")};
    let g = ${w.load(2, "stateAt + 2u * plane + place")};
    let o = ${w.load(2, "stateAt + 3u * plane + place")};
    let cell = ${w.load(3, "place")};
    let before = ${w.load(4, "place")};
    let dc = ${w.load(5, "place")};`,
  after: (w, out) => `
      let squashed = ${w.at.name}_tanh(cell);
      let all = fma(sum * o, 1f - squashed * squashed, dc);
      let di = all * g * (i * (1f - i));
      let df = all * before * (f * (1f - f));
      let dg = all * i * (1f - g * g);
      let do_ = sum * squashed * (o * (1f - o));
      let dBefore = all * f;
      ${putEach(w, out, "at", "units", ["di", "df", "dg", "do_"])}
      ${w.put(out + 1, "place", "dBefore")}`,
};
