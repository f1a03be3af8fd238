// The cell of a GRU (Cho et al. 2014), where r multiplies the recurrent product and its bias.
import { chosen, dSigmoid, dTanh, type CellFormula } from "./cell.ts";
import { recurrenceOf } from "./sequence.ts";

/**
 * From the recurrent sums, what x gave, and h before: r, z = σ(given + sum); n = tanh(given + r·q) with q the sum of n;
 * h = (1 − z)·n + z·h. Gives r, z, n, q, and h.
 */
const forward: CellFormula = (k, alive, sumR, sumZ, q, givenR, givenZ, givenN, h) => {
  const [r, z] = [k.sigmoid(k.add(sumR, givenR)), k.sigmoid(k.add(sumZ, givenZ))];
  const n = k.tanh(k.add(givenN, k.mul(r, q)));
  const next = k.add(k.mul(k.sub(k.constant(1), z), n), k.mul(z, h));
  return [[r, z, n, q], [chosen(k, alive, next, h)]];
};

/**
 * From r, z, n, q, h before, and the gradient d of h after: dn = d·(1 − z)·(1 − n²), dr = dn·q·r(1−r), dz = d·(before −
 * n)·z(1−z); that of what x gave is (dr, dz, dn), that of the sums (dr, dz, dn·r), and h passes d·z on.
 */
const backward: CellFormula = (k, alive, r, z, n, q, before, d) => {
  const dn = k.mul(k.mul(d, k.sub(k.constant(1), z)), dTanh(k, n));
  const dr = k.mul(k.mul(dn, q), dSigmoid(k, r));
  const dz = k.mul(k.mul(d, k.sub(before, n)), dSigmoid(k, z));
  const [cr, cz, cn, cq] = [dr, dz, dn, k.mul(dn, r)].map((x) => chosen(k, alive, x, k.constant(0)));
  return [[cr!, cz!, cn!], [cr!, cz!, cq!], [chosen(k, alive, k.mul(d, z), d)]];
};

/** The fourth value that is kept is q. The recurrent bias belongs to the step, since r multiplies it. */
export const gruCell = /* @__PURE__ */ recurrenceOf({
  name: "gruSequence",
  parts: 3,
  names: ["r", "z", "n"],
  gates: 4,
  others: [],
  apart: true,
  kept: { states: "hiddens", first: "h", after: false, before: true },
  passes: true,
  forward,
  backward,
});
