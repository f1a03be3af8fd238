// What a derivative rule is: a function from a result and its operands to one pullback per operand. The engine sums
// over broadcast axes, casts and accumulates, so that no rule mentions these.
import { ArgumentError, type Attrs, type FusedOp, type OpName, type Ops, type Tensor, type Value } from "@weft/tensor";
import { describe } from "@weft/tensor/internals";
import type { RowSparse } from "./sparse.ts";

/** From the gradient of a result to that of one operand; undefined if it has no gradient. */
export type Pullback = ((g: Tensor) => Tensor | RowSparse) | undefined;

/** The primitives whose operands may be plain numbers. */
type Numeric = "add" | "sub" | "mul" | "div" | "pow" | "maximum" | "minimum" | "mod" | "atan2" | "where";

type Input<K extends OpName> = K extends Numeric ? Value : Tensor;
type Inputs<K extends OpName, N = Ops[K]["arity"]> = N extends 0
  ? []
  : N extends 1
    ? [x: Input<K>]
    : N extends 2
      ? [a: Input<K>, b: Input<K>]
      : N extends 3
        ? [a: Input<K>, b: Input<K>, c: Input<K>]
        : [xs: readonly Tensor[]];

/** `none` says that a primitive has no gradient: a step function, a comparison, a position, a draw. */
export const none: unique symbol = Symbol("no gradient");

/**
 * A rule gets the result and the operands (all at the level below the tape) and the attributes. A primitive with any
 * number of operands gets them as one array.
 */
export type Rule<K extends OpName> =
  | ((y: Tensor, ...rest: [...Inputs<K>, attrs: Attrs<K>]) => readonly Pullback[])
  | typeof none;

/** A complete table: a new line in the catalog does not compile until it has a rule. */
export type Rules = { readonly [K in OpName]: Rule<K> };

/** The rules of some primitives: those of one family. */
export type Family<K extends OpName> = { readonly [k in K]: Rule<k> };

type FusedRule = NonNullable<FusedOp["gradient"]>;

/** The pullbacks of a fused operation, whose rule is its own: one per operand. */
export function pullbacksOf(fused: FusedOp, ...of: Parameters<FusedRule>): ReturnType<FusedRule> {
  const { name } = fused;
  const pullbacks: unknown = fused.gradient!(...of);
  const count = of[1].length;
  const right = (pullback: unknown): boolean => pullback === undefined || typeof pullback === "function";
  if (!Array.isArray(pullbacks) || pullbacks.length !== count || !pullbacks.every(right))
    throw new ArgumentError(
      `${name}: gradient must give ${count} pullbacks (functions or undefined), got ${describe(pullbacks)}`,
    );
  return pullbacks as ReturnType<FusedRule>;
}
