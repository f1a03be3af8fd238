// Bits of integers: `i32` in two's complement, and `bool`, for which they are logic.
import { applyRead, placed, read, readTensor } from "../apply.ts";
import { isFloat } from "../dtype.ts";
import { and, not, or } from "../elementwise.ts";
import { DTypeError } from "../errors.ts";
import type { Operand, Value } from "../interpreter.ts";
import { inDType } from "../operands.ts";
import { int32, readValue, refuseMore } from "../options.ts";
import type { Tensor } from "../tensor.ts";
import { xor } from "./comparisons.ts";

type Binary = (a: Operand, b: Operand) => Tensor;

const isMask = (x: Value): boolean => typeof x === "object" && x.dtype === "bool";

/** Both operands, which must be integers or masks. */
function wholes(op: string, a: Operand, b: Operand, more: unknown): readonly [Value, Value] {
  refuseMore(op, more);
  const beside = placed([a, b]);
  const values = [read(a, op, beside), read(b, op, beside)] as const;
  for (const x of values) {
    if (typeof x === "number") readValue(op, "an operand", x, int32);
    else if (isFloat(x.dtype)) throw new DTypeError(`${op}: wanted i32 or bool, got ${x.dtype}; use cast`);
  }
  return values;
}

const asInt = (x: Value): Value => (typeof x === "number" ? x : inDType(x, "i32"));

const bitwise =
  (op: "bitAnd" | "bitOr" | "bitXor", ofMasks: Binary): Binary =>
  (a, b, more?: unknown) => {
    const [x, y] = wholes(op, a, b, more);
    return isMask(x) && isMask(y) ? ofMasks(x, y) : applyRead(op, [asInt(x), asInt(y)], undefined);
  };

const shift =
  (op: "shiftLeft" | "shiftRight"): Binary =>
  (a, b, more?: unknown) => {
    const [x, y] = wholes(op, a, b, more);
    return applyRead(op, [asInt(x), asInt(y)], undefined);
  };

/** The bits that both have. @example bitAnd(tensor([12], { dtype: "i32" }), 10) // [8] */
export const bitAnd: Binary = /* @__PURE__ */ bitwise("bitAnd", and);

/** The bits that either has. @example bitOr(tensor([12], { dtype: "i32" }), 10) // [14] */
export const bitOr: Binary = /* @__PURE__ */ bitwise("bitOr", or);

/** The bits that exactly one of both has. @example bitXor(tensor([12], { dtype: "i32" }), 10) // [6] */
export const bitXor: Binary = /* @__PURE__ */ bitwise("bitXor", xor);

/** All bits turned over: −x − 1. @example bitNot(tensor([12], { dtype: "i32" })) // [-13] */
export const bitNot: (x: Operand) => Tensor = (x, more?: unknown) => {
  const t = readTensor(x, "bitNot");
  const [bits] = wholes("bitNot", t, t, more);
  return isMask(bits) ? not(bits) : applyRead("bitXor", [asInt(bits), -1], undefined);
};

/**
 * The bits of a moved up by b places, zeros below: a·2ᵇ, wrapping. It is 0 for b < 0 and b > 31.
 *
 * @example shiftLeft(tensor([3, -1], { dtype: "i32" }), 2) // [12, -4]
 */
export const shiftLeft: Binary = /* @__PURE__ */ shift("shiftLeft");

/**
 * The bits of a moved down by b places, copies of the sign above: ⌊a / 2ᵇ⌋. For b < 0 and b > 31 it is 0, or −1 where a
 * is negative.
 *
 * @example shiftRight(tensor([12, -5], { dtype: "i32" }), 1) // [6, -3]
 */
export const shiftRight: Binary = /* @__PURE__ */ shift("shiftRight");
