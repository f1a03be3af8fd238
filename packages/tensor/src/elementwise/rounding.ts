// Rounding toward zero, and quotients and remainders of whole parts.
import { notEqual } from "../activations.ts";
import { alias, applyFusedRead, applyRead, readTensor } from "../apply.ts";
import { and, ceil, div, floor, less, mod, mul, neg, round, sub, where } from "../elementwise.ts";
import { elementwiseOp, type Arithmetic } from "../expression.ts";
import { composed } from "../formula.ts";
import type { FusedOp } from "../fused.ts";
import type { Operand } from "../interpreter.ts";
import { inNumbers } from "../operands.ts";
import { refuseMore } from "../options.ts";
import type { Tensor } from "../tensor.ts";
import { ofPair } from "./pair.ts";

/** x without its fraction: rounded toward 0. @example trunc(tensor([1.7, -1.7])) // [1, -1] */
export const trunc: (x: Operand) => Tensor = (x, more?: unknown) => {
  refuseMore("trunc", more);
  const t = inNumbers(readTensor(x, "trunc"));
  return composed("trunc", () => (t.dtype === "i32" ? alias(t) : where(less(t, 0), ceil(t), floor(t))));
};

/** The fraction of x, with its sign: x − trunc(x). @example frac(tensor([1.5, -1.5])) // [0.5, -0.5] */
export const frac: (x: Operand) => Tensor = (x, more?: unknown) => {
  refuseMore("frac", more);
  const t = inNumbers(readTensor(x, "frac"));
  return composed("frac", () => sub(t, trunc(t)));
};

/** Of sizes, which is exact; then with the sign of a. */
function remainder<V>(k: Arithmetic<V>, a: V, b: V): V {
  const m = k.mod(k.abs(a), k.abs(b));
  return k.where(k.signbit(a), k.neg(m), m);
}

const fmodOp: FusedOp<undefined> = /* @__PURE__ */ elementwiseOp(
  "fmod",
  (k, a, b) => remainder(k, a!, b!),
  ([y], [a, b]) => [(g) => g, (g) => neg(mul(g, round(div(sub(a!, y!), b!))))],
);

/**
 * The remainder of a / b rounded toward 0, exact: it has the sign of a, as in C (`mod`: that of b). For b = 0 it is NaN,
 * and 0 for integers.
 *
 * @example fmod(tensor([5, -5]), 3) // [2, -2]
 */
export const fmod: (a: Operand, b: Operand) => Tensor = (a, b, more?: unknown) =>
  ofPair("fmod", a, b, more, (x, y) => {
    if (x.dtype !== "i32") return applyFusedRead(fmodOp, [x, y], undefined)[0]!;
    // The size of the least integer is none.
    const m = mod(x, y);
    return where(and(notEqual(m, 0), notEqual(less(x, 0), less(y, 0))), sub(m, y), m);
  });

/** The floor of the quotient, as Python computes it from the exact remainder. */
function quotient<V>(k: Arithmetic<V>, a: V, b: V): V {
  const [zero, one] = [k.constant(0), k.constant(1)];
  const rest = remainder(k, a, b);
  const differ = (p: V, q: V): V => k.or(k.and(p, k.not(q)), k.and(q, k.not(p)));
  const crosses = k.and(k.not(k.equal(rest, zero)), differ(k.signbit(rest), k.signbit(b)));
  const exact = k.div(k.sub(a, rest), b);
  const q = k.round(k.where(crosses, k.sub(exact, one), exact));
  const nothing = k.where(differ(k.signbit(a), k.signbit(b)), k.constant(-0), zero);
  return k.where(k.equal(b, zero), k.div(a, b), k.where(k.equal(q, zero), nothing, q));
}

const floorDivideOp: FusedOp<undefined> = /* @__PURE__ */ elementwiseOp(
  "floorDivide",
  (k, a, b) => quotient(k, a!, b!),
  () => [undefined, undefined],
);

/**
 * ⌊a / b⌋, exact; integers stay integers, as with Python's `//`. For b = 0 it is a / b, and 0 for integers. It has no
 * gradient.
 *
 * @example floorDivide(tensor([7, -7]), 2) // [3, -4]
 */
export const floorDivide: (a: Operand, b: Operand) => Tensor = (a, b, more?: unknown) =>
  ofPair("floorDivide", a, b, more, (x, y) =>
    x.dtype === "i32"
      ? applyRead("floorDivide", [x, y], undefined)
      : applyFusedRead(floorDivideOp, [x, y], undefined)[0]!,
  );
