// The cell of a GRU, forward and backward: what the steps of `recurrence.ts` do on one element.
import { storeEach, type BackwardCell, type ForwardCell } from "./recurrence.ts";

/**
 * From the recurrent bias (operand 3): r, z, n, the recurrent part of n, and hidden states, one after the other in
 * `out`.
 */
export const gruForward: ForwardCell = {
  name: "gru step",
  parts: 3,
  before: (w) => `
    var sum = vec4f(${[0, 1, 2].map((j) => w.load(3, `${j}u * units + n`)).join(", ")}, 0f);
    let input = vec3f(${[0, 1, 2].map((j) => w.load(0, `first + ${j}u * units`)).join(", ")});
    let before = ${w.load(1, "place")};`,
  after: (w) => `
      let r = ${w.at.name}_sigmoid(input.x + sum.x);
      let z = ${w.at.name}_sigmoid(input.y + sum.y);
      let q = sum.z;
      let candidate = ${w.at.name}_tanh(fma(r, q, input.z));
      let hidden = fma(z, before, (1f - z) * candidate);
      ${storeEach(w, "stateAt + place", "plane", ["r", "z", "candidate", "q", "hidden"])}`,
};

/**
 * From the gates of all steps, the hidden states before the step, and (except for the last step) the gradient that its
 * successor's z passed on. Writes into `out` the gradients of the step's input; after those of all steps, the gradients
 * of its recurrent sums; and after these, the gradient that its own z passes on.
 */
export const gruBackward = (last: boolean): BackwardCell => ({
  name: "gru step",
  parts: 3,
  skipped: 3,
  before: (w) => `
    let r = ${w.load(2, "stateAt + place")};
    let z = ${w.load(2, "stateAt + plane + place")};
    let candidate = ${w.load(2, "stateAt + 2u * plane + place")};
    let q = ${w.load(2, "stateAt + 3u * plane + place")};
    let before = ${w.load(3, "place")};
    let through = ${last ? "0f" : w.load(4, "place")};`,
  after: (w) => `
      let d = sum + through;
      let dn = d * (1f - z) * (1f - candidate * candidate);
      let dr = dn * q * (r * (1f - r));
      let dz = d * (before - candidate) * (z * (1f - z));
      let dq = dn * r;
      let passed = d * z;
      ${storeEach(w, "at", "units", ["dr", "dz", "dn"])}
      ${storeEach(w, "3u * plane + at", "units", ["dr", "dz", "dq"])}
      ${w.store("6u * plane + place", "passed")}`,
});
