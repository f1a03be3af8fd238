// How functions of several operations call them: under the function's own name, for messages, and without leaving
// intermediates behind. And how a formula is called.
import { applyFusedRead, placed } from "./apply.ts";
import { inNameOf } from "./context.ts";
import type { FusedOp } from "./fused.ts";
import type { Operand } from "./interpreter.ts";
import { floating, floats } from "./operands.ts";
import { refuseMore } from "./options.ts";
import { resultOf } from "./scope.ts";
import type { Tensor } from "./tensor.ts";

/** The result of `f`, a function of several operations that users know as `name`. */
export const composed = <T>(name: string, f: () => T): T => inNameOf(name, () => resultOf(f));

/** The result of a function of one floating-point tensor. `more` is what a user gave besides. */
export function ofFloats(name: string, x: Operand, more: unknown, f: (x: Tensor) => Tensor): Tensor {
  const t = floats(x, name, more);
  return composed(name, () => f(t));
}

/** The result of an operation of `elementwiseOp`. Numbers stay numbers; `more` is what a user gave besides. */
export function formula(op: FusedOp<undefined>, xs: readonly Operand[], more?: unknown): Tensor {
  refuseMore(op.name, more);
  const beside = placed(xs);
  const values = xs.map((x) => floating(x, op.name, undefined, beside));
  return applyFusedRead(op, values, undefined)[0]!;
}
