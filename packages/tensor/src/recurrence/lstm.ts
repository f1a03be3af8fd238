// The cell of an LSTM (Hochreiter and Schmidhuber 1997, with forget gates).
import { chosen, dSigmoid, dTanh, unchanged, type CellFormula } from "./cell.ts";
import { recurrenceOf } from "./sequence.ts";

/** From the four sums and the states before: i, f, g, o = σ, σ, tanh, σ of the sums; c = f·c + i·g; h = o·tanh(c). */
const forward: CellFormula = (k, alive, sumI, sumF, sumG, sumO, c, h) => {
  const [i, f, g, o] = [k.sigmoid(sumI), k.sigmoid(sumF), k.tanh(sumG), k.sigmoid(sumO)];
  const next = k.add(k.mul(f, c), k.mul(i, g));
  return [[i, f, g, o], [chosen(k, alive, next, c)], [chosen(k, alive, k.mul(o, k.tanh(next)), h)]];
};

/**
 * From the gates, c after and before the step, and the gradients dc and d of c and h after it, with s = tanh(c): dc +=
 * d·o·(1 − s²); those of the sums are dc·g·i(1−i), dc·before·f(1−f), dc·i·(1−g²), d·s·o(1−o); that of c before is
 * dc·f.
 */
const backward: CellFormula = (k, alive, i, f, g, o, c, before, dc, d) => {
  const squashed = k.tanh(c);
  const all = k.add(dc, k.mul(k.mul(d, o), dTanh(k, squashed)));
  const sums = [
    k.mul(k.mul(all, g), dSigmoid(k, i)),
    k.mul(k.mul(all, before), dSigmoid(k, f)),
    k.mul(k.mul(all, i), dTanh(k, g)),
    k.mul(k.mul(d, squashed), dSigmoid(k, o)),
  ];
  return [
    sums.map((x) => chosen(k, alive, x, k.constant(0))),
    [chosen(k, alive, k.mul(all, f), dc)],
    ...unchanged(k, alive, d),
  ];
};

/** Gates as the sums; states h and c. */
export const lstmCell = /* @__PURE__ */ recurrenceOf({
  name: "lstmSequence",
  parts: 4,
  names: ["i", "f", "g", "o"],
  gates: 4,
  others: ["c"],
  apart: false,
  kept: { states: "cells", first: "c", after: true, before: true },
  passes: false,
  forward,
  backward,
});
