// The meaning of every elementwise primitive in the kernel language: one complete table, shared by all translators.
import type { Arithmetic, ComputeType, Expression as Formula } from "@weft/tensor";
import type { ElementwiseOps } from "@weft/tensor/internals";
import type { Builder, V } from "../language.ts";
import { arithmetic, type Expression } from "./arithmetic.ts";
import { exponential } from "./exponential.ts";
import { integers } from "./integers.ts";
import { power } from "./power.ts";
import { trigonometric } from "./trigonometric.ts";

export type ElementwiseOp = keyof ElementwiseOps;
export const expressions: { readonly [K in ElementwiseOp]: Expression } = {
  ...arithmetic,
  ...exponential,
  ...integers,
  ...power,
  ...trigonometric,
};

/** The same as functions, for operations that are formulas. */
export function arithmeticOf(k: Builder, first: V): Arithmetic<V> {
  const dtype = k.type(first);
  const functions = Object.entries<Expression>(expressions).map(([op, e]) => [op, (...xs: V[]) => e(k, xs)]);
  return { ...Object.fromEntries(functions), dtype, constant: (x: number) => k.const(x, dtype) };
}

/** How many operations a formula of so many operands is made of. */
export function operationsOf(formula: Formula, dtype: ComputeType, operands: number): number {
  let count = 0;
  const functions = Object.keys(expressions).map((op) => [op, () => ++count]);
  const k: Arithmetic<number> = { ...Object.fromEntries(functions), dtype, constant: () => 0 };
  formula(k, ...new Array<number>(operands).fill(0));
  return count;
}

export type { Expression } from "./arithmetic.ts";
export { threefry, uniform } from "./random.ts";
