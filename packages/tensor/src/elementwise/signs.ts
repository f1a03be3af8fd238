// Signs: of numbers, and taken from others.
import { applyRead } from "../apply.ts";
import { cast, equal, less, mul, sign, where } from "../elementwise.ts";
import { elementwiseOp } from "../expression.ts";
import { formula } from "../formula.ts";
import type { FusedOp } from "../fused.ts";
import type { Operand } from "../interpreter.ts";
import { numeric } from "../operands.ts";
import type { Tensor } from "../tensor.ts";
import { ofPair } from "./pair.ts";

/** Functions of one and of two operands. */
type Unary = (x: Operand) => Tensor;
type Binary = (a: Operand, b: Operand) => Tensor;

/** Whether x is negative, −0 included, as `bool`. @example signbit(tensor([-1, -0, 0])) // [1, 1, 0] */
export const signbit: Unary = (x, more?: unknown) => applyRead("signbit", [numeric(x, "signbit", more)], undefined);

const copySignOp: FusedOp<undefined> = /* @__PURE__ */ elementwiseOp(
  "copySign",
  (k, a, b) => {
    const size = k.abs(a!);
    return k.where(k.signbit(b!), k.neg(size), size);
  },
  ([y], [a]) => [(g) => mul(g, mul(sign(y!), sign(a!))), undefined],
);

/**
 * |a| with the sign of b, which may be −0. The derivative is ±1, and 0 where a is 0.
 *
 * @example copySign(tensor([1, -2]), tensor([-3, 0])) // [-1, 2]
 */
export const copySign: Binary = (a, b, more?: unknown) => formula(copySignOp, [a, b], more);

/**
 * 0 where x is negative, 1 where it is positive, and `value` where it is 0 (0 where x is NaN).
 *
 * @example heaviside(tensor([-2, 0, 3]), 0.5) // [0, 0.5, 1]
 */
export const heaviside: Binary = (x, value, more?: unknown) =>
  ofPair("heaviside", x, value, more, (t, v) => where(equal(t, 0), v, cast(less(0, t), t.dtype)));
