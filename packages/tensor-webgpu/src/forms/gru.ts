// The cell of a GRU, forward and backward: what the steps of `recurrence.ts` do on one element.
import { putEach, type BackwardCell, type ForwardCell } from "./recurrence.ts";

/** From the recurrent bias (operand 3): r, z, n and the recurrent part of n (operand 4), and hidden states (5). */
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
      ${putEach(w, 4, "stateAt + place", "plane", ["r", "z", "candidate", "q"])}
      ${w.put(5, "stateAt + place", "hidden")}`,
};

/**
 * From the gates of all steps, the hidden states before the step, and (except for the last step) the gradient that its
 * successor's z passed on. Writes the gradients of the step's input, the gradients of its recurrent sums, and the
 * gradient that its own z passes on: one result each.
 */
export const gruBackward = (last: boolean): BackwardCell => ({
  name: "gru step",
  parts: 3,
  back: 1,
  before: (w) => `
    let r = ${w.load(2, "stateAt + place")};
    let z = ${w.load(2, "stateAt + plane + place")};
    let candidate = ${w.load(2, "stateAt + 2u * plane + place")};
    let q = ${w.load(2, "stateAt + 3u * plane + place")};
    let before = ${w.load(3, "place")};
    let through = ${last ? "0f" : w.load(4, "place")};`,
  after: (w, out) => `
      let d = sum + through;
      let dn = d * (1f - z) * (1f - candidate * candidate);
      let dr = dn * q * (r * (1f - r));
      let dz = d * (before - candidate) * (z * (1f - z));
      let dq = dn * r;
      let passed = d * z;
      ${putEach(w, out, "at", "units", ["dr", "dz", "dn"])}
      ${putEach(w, out + 1, "at", "units", ["dr", "dz", "dq"])}
      ${w.put(out + 2, "place", "passed")}`,
});
