// Rounding toward zero, and quotients and remainders of whole parts.
import { alias, applyRead, readTensor } from "../apply.ts";
import { notEqual } from "../activations.ts";
import { abs, and, ceil, div, equal, floor, less, mod, neg, round, sub, where } from "../elementwise.ts";
import { composed } from "../formula.ts";
import type { Operand } from "../interpreter.ts";
import { inNumbers } from "../operands.ts";
import { refuseMore } from "../options.ts";
import type { Tensor } from "../tensor.ts";
import { ofPair } from "./pair.ts";
import { signbit } from "./signs.ts";

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

/** Of integers by correction, since the size of the least one is no i32; of floats by sizes, which is exact. */
function remainder(a: Tensor, b: Tensor): Tensor {
  const negative = signbit(a);
  if (a.dtype === "i32") {
    const m = mod(a, b);
    return where(and(notEqual(m, 0), notEqual(negative, signbit(b))), sub(m, b), m);
  }
  const m = mod(where(negative, neg(a), a), abs(b));
  return where(negative, neg(m), m);
}

/**
 * The remainder of a / b rounded toward 0, exact: it has the sign of a, as in C (`mod`: that of b). For b = 0 it is NaN,
 * and 0 for integers.
 *
 * @example fmod(tensor([5, -5]), 3) // [2, -2]
 */
export const fmod: (a: Operand, b: Operand) => Tensor = (a, b, more?: unknown) => ofPair("fmod", a, b, more, remainder);

/** The floor of the quotient, as Python computes it from the exact remainder. */
function quotient(a: Tensor, b: Tensor): Tensor {
  const rest = remainder(a, b);
  const crosses = and(notEqual(rest, 0), notEqual(less(rest, 0), less(b, 0)));
  const exact = div(sub(a, rest), b);
  const q = round(where(crosses, sub(exact, 1), exact));
  const zero = where(notEqual(signbit(a), signbit(b)), -0, 0);
  return where(equal(b, 0), floor(div(a, b)), where(equal(q, 0), zero, q));
}

/**
 * ⌊a / b⌋, exact; integers stay integers, as with Python's `//`. For b = 0 it is a / b, and 0 for integers. It has no
 * gradient.
 *
 * @example floorDivide(tensor([7, -7]), 2) // [3, -4]
 */
export const floorDivide: (a: Operand, b: Operand) => Tensor = (a, b, more?: unknown) =>
  ofPair("floorDivide", a, b, more, (x, y) =>
    x.dtype === "i32" ? applyRead("floorDivide", [x, y], undefined) : quotient(x, y),
  );
