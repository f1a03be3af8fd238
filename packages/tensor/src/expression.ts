// Elementwise operations given by a formula. Backends evaluate it inside the kernels of its neighbors, like a
// primitive.
import { applyOwn } from "./apply.ts";
import { dtypeInfo, type ComputeType, type DType } from "./dtype.ts";
import type { FusedOp } from "./fused.ts";
import type { Value } from "./interpreter.ts";
import type { ElementwiseOps } from "./ops.ts";
import { callable, readValue, string } from "./options.ts";
import { broadcast, elementwiseShapes } from "./rules/elementwise.ts";
import { agree } from "./rules/table.ts";
import type { Tensor } from "./tensor.ts";

/** As many values of type V as the arity says. */
type Operands<V, Arity> = Arity extends 1 ? [V] : Arity extends 2 ? [V, V] : [V, V, V];

type Primitive = Exclude<keyof ElementwiseOps, "cast">;

/** What a formula is written with: the elementwise primitives, on values in a kernel or on tensors. */
export type Arithmetic<V> = {
  readonly [K in Primitive]: (...xs: Operands<V, ElementwiseOps[K]["arity"]>) => V;
} & {
  /** The type that is computed in: `f64` may need more terms than `f32`. */
  readonly dtype: ComputeType;
  constant(x: number): V;
};

/** A formula for an element of the result, from the elements of the operands at the same position. */
export type Expression = <V>(k: Arithmetic<V>, ...xs: V[]) => V;

/** The arithmetic of a fallback: each part of the formula is an operation on tensors. */
export const onTensors = (dtype: DType): Arithmetic<Value> => {
  const functions = Object.keys(elementwiseShapes).map((op) => [
    op,
    (...xs: Value[]) => applyOwn(op as Primitive, xs, undefined),
  ]);
  return { ...Object.fromEntries(functions), dtype: dtypeInfo[dtype].compute, constant: (x: number) => x };
};

/** A property of the operands that are tensors, joined over all of them. */
const joined = <T>(inputs: readonly Value[], of: (x: Tensor) => T, join: (a: T, b: T) => T): T =>
  inputs.flatMap((x) => (typeof x === "number" ? [] : [of(x)])).reduce(join);

/**
 * An elementwise operation with this formula. Its operands are tensors of one floating-point dtype, whose shapes
 * broadcast, or numbers. Pass numbers that change as operands: constants are compiled into the kernel.
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
  readValue("elementwiseOp", "name", name, string);
  readValue("elementwiseOp", "expression", expression, callable);
  readValue("elementwiseOp", "gradient", gradient, callable);
  const dtypeOf = (inputs: readonly Value[]): DType => joined(inputs, ({ dtype }) => dtype, (a, b) => agree(name, a, b)); // prettier-ignore
  return {
    name,
    infer: (inputs) => [
      { shape: joined(inputs, ({ shape }) => shape, (a, b) => broadcast(name, a, b)), dtype: dtypeOf(inputs) }, // prettier-ignore
    ],
    fallback: (inputs) => [expression(onTensors(dtypeOf(inputs)), ...inputs) as Tensor],
    expression,
    gradient,
  };
};
