// Elementwise operations that are a formula: backends evaluate it inside the kernels of its neighbors, as they do a primitive.
import { applyOwn } from "./apply.ts";
import { dtypeInfo, type ComputeType, type DType } from "./dtype.ts";
import type { FusedOp } from "./fused.ts";
import type { Value } from "./interpreter.ts";
import type { ElementwiseOps } from "./ops.ts";
import { broadcast, elementwiseShapes } from "./rules/elementwise.ts";
import { agree } from "./rules/table.ts";
import type { Tensor } from "./tensor.ts";

/** So many values of a kind. */
type Operands<V, Arity> = Arity extends 1 ? [V] : Arity extends 2 ? [V, V] : [V, V, V];

type Primitive = Exclude<keyof ElementwiseOps, "cast">;

/** What a formula is written with: the elementwise primitives, for values in a kernel as for tensors. */
export type Arithmetic<V> = {
  readonly [K in Primitive]: (...xs: Operands<V, ElementwiseOps[K]["arity"]>) => V;
} & {
  /** What is computed in: `f64` may need more terms than `f32`. */
  readonly dtype: ComputeType;
  constant(x: number): V;
};

/** A formula of an element of the result, from the elements at the same place. */
export type Expression = <V>(k: Arithmetic<V>, ...xs: V[]) => V;

/** The formula's meaning: each of its parts an operation on tensors. */
export const onTensors = (dtype: DType): Arithmetic<Value> => {
  const functions = Object.keys(elementwiseShapes).map((op) => [
    op,
    (...xs: Value[]) => applyOwn(op as Primitive, xs, undefined),
  ]);
  return { ...Object.fromEntries(functions), dtype: dtypeInfo[dtype].compute, constant: (x: number) => x };
};

/** What the operands that are tensors have in common. */
const met = <T>(inputs: readonly Value[], of: (x: Tensor) => T, join: (a: T, b: T) => T): T =>
  inputs.flatMap((x) => (typeof x === "number" ? [] : [of(x)])).reduce(join);

/**
 * An elementwise operation with this formula: operands of one floating-point dtype, or numbers, whose shapes broadcast. Numbers that
 * change are operands, since constants are part of the kernel.
 *
 * @example
 * const slope = (_, [x]) => [(g) => mul(g, mul(square(x), 3))];
 * const cubeOp = elementwiseOp("cube", (k, x) => k.mul(k.mul(x, x), x), slope);
 * applyFused(cubeOp, [tensor([1, 2])], undefined)[0]; // [1, 8]
 */
export const elementwiseOp = (
  name: string,
  expression: Expression,
  gradient: NonNullable<FusedOp<undefined>["gradient"]>,
): FusedOp<undefined> => {
  const dtypeOf = (inputs: readonly Value[]): DType => met(inputs, ({ dtype }) => dtype, (a, b) => agree(name, a, b)); // prettier-ignore
  return {
    name,
    infer: (inputs) => [
      { shape: met(inputs, ({ shape }) => shape, (a, b) => broadcast(name, a, b)), dtype: dtypeOf(inputs) }, // prettier-ignore
    ],
    fallback: (inputs) => [expression(onTensors(dtypeOf(inputs)), ...inputs) as Tensor],
    expression,
    gradient,
  };
};
