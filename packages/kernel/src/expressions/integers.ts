// Bits, shifts and quotients of i32 in the kernel language.
import type { Builder, Fn, V } from "../language.ts";
import type { Expression } from "./arithmetic.ts";
import { c, i, test, type Arg } from "./floats.ts";

const bitwise =
  (fn: "and" | "or" | "xor"): Expression =>
  (k, args) =>
    i(k, fn, args);

const select = (k: Builder, mask: V, a: V, b: V): V => k.apply("select", [mask, a, b], "i32");
const both = (k: Builder, fn: "and" | "or", a: V, b: V): V => k.apply(fn, [a, b], "bool");

/** What remains of a / b rounded toward zero, and whether it has the other sign than b: then rounding down gives 1 less. */
function remainder(k: Builder, a: V, b: V): { rest: V; crosses: V } {
  const rest = i(k, "irem", [a, b]);
  const crosses = test(k, "lt", i(k, "xor", [rest, b]), c(0));
  return { rest, crosses: both(k, "and", crosses, test(k, "ne", rest, c(0))) };
}

/** The remainder with the sign of the divisor. */
export function modIntegers(k: Builder, a: V, b: V): V {
  const { rest, crosses } = remainder(k, a, b);
  return select(k, crosses, i(k, "add", [rest, b]), rest);
}

function floorDivide(k: Builder, a: V, b: V): V {
  const q = i(k, "idiv", [a, b]);
  return i(k, "sub", [q, i(k, "i32", [remainder(k, a, b).crosses])]);
}

/**
 * Shifts by a number of bits that differs from element to element: one step per bit of that number, as machines shift
 * four elements by one number only. `rest` is what remains when all bits are shifted out.
 */
function shift(k: Builder, fn: Fn & ("shl" | "shrs"), a: V, by: V, rest: V): V {
  const on = (bit: Arg): V => test(k, "ne", i(k, "and", [by, bit]), c(0));
  const shifted = [1, 2, 4, 8, 16].reduce((y, n) => select(k, on(c(n)), i(k, fn, [y], n), y), a);
  const outside = both(k, "or", test(k, "lt", by, c(0)), test(k, "gt", by, c(31)));
  return select(k, outside, rest, shifted);
}

export const integers = {
  floorDivide: (k, [a, b]) => floorDivide(k, a!, b!),
  bitAnd: bitwise("and"),
  bitOr: bitwise("or"),
  bitXor: bitwise("xor"),
  shiftLeft: (k, [a, b]) => shift(k, "shl", a!, b!, k.const(0, "i32")),
  shiftRight: (k, [a, b]) => shift(k, "shrs", a!, b!, i(k, "shrs", [a!], 31)),
} satisfies Record<string, Expression>;
