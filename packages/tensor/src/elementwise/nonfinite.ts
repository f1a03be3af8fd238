// What is not finite, and numbers in its place.
import { alias, readTensor } from "../apply.ts";
import { isFloat, largest } from "../dtype.ts";
import { equal, isFinite, isNaN, not, or, where } from "../elementwise.ts";
import { composed } from "../formula.ts";
import type { Operand } from "../interpreter.ts";
import { inFloats } from "../operands.ts";
import { anyNumber, readOptions, refuseMore } from "../options.ts";
import type { Tensor } from "../tensor.ts";

/** Whether x is ∞ or −∞, as `bool`. @example isInf(tensor([Infinity, 1, NaN])) // [1, 0, 0] */
export const isInf: (x: Operand) => Tensor = (x, more?: unknown) => {
  refuseMore("isInf", more);
  const t = readTensor(x, "isInf");
  return composed("isInf", () => not(or(isFinite(t), isNaN(t))));
};

export interface NanOptions {
  /** What takes the place of NaN, by default 0. */
  readonly nan?: number;
  /** What takes the place of ∞, by default the largest number of the dtype. */
  readonly posInf?: number;
  /** What takes the place of −∞, by default the least number of the dtype. */
  readonly negInf?: number;
}

/**
 * x with numbers in place of NaN and infinities. No gradient reaches what is replaced.
 *
 * @example nanToNum(tensor([NaN, Infinity, 2]), { posInf: 9 }) // [0, 9, 2]
 */
export function nanToNum(x: Operand, options?: NanOptions): Tensor {
  const given = readTensor(x, "nanToNum");
  const t = isFloat(given.dtype) ? inFloats(given) : given;
  const most = largest(t.dtype);
  const kinds = { nan: anyNumber, posInf: anyNumber, negInf: anyNumber };
  const { nan, posInf, negInf } = readOptions("nanToNum", options, kinds, { nan: 0, posInf: most, negInf: -most });
  if (!isFloat(t.dtype)) return alias(t);
  return composed("nanToNum", () => {
    const above = where(equal(t, Infinity), posInf, where(isNaN(t), nan, t));
    return where(equal(t, -Infinity), negInf, above);
  });
}
