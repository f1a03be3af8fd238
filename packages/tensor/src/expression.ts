// Elementwise operations given by a formula. Backends evaluate it inside the kernels of its neighbors, like a
// primitive.
import { applyOwn, source } from "./apply.ts";
import { dtypeInfo, type ComputeType, type DType } from "./dtype.ts";
import type { FusedOp } from "./fused.ts";
import type { Backend, Value } from "./interpreter.ts";
import { checkExpression } from "./kernel-check.ts";
import { broadcastTo } from "./movement.ts";
import type { ElementwiseOps, Shape } from "./ops.ts";
import { callable, readValue, string } from "./options.ts";
import { broadcast, elementwiseShapes } from "./rules/elementwise.ts";
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

/** A number of a formula as a tensor like `x`. */
export const asTensor = (value: Value, { backend, dtype }: Like): Tensor =>
  typeof value === "number" ? source(backend, "full", [value], { shape: [], dtype }) : value;

/** What the numbers of a formula become. */
type Like = Pick<Tensor, "backend" | "dtype">;

/** The arithmetic on tensors of each backend, by dtype: fallbacks need it at each call. */
const known = /* @__PURE__ */ new WeakMap<Backend, Map<DType, Arithmetic<Value>>>();

/**
 * The arithmetic of a fallback: each part of the formula is an operation on tensors. Numbers have the dtype of `x`:
 * they stay numbers only beside a tensor that has it.
 */
export function onTensors({ backend, dtype }: Like): Arithmetic<Value> {
  let ofBackend = known.get(backend);
  if (ofBackend === undefined) known.set(backend, (ofBackend = new Map()));
  let k = ofBackend.get(dtype);
  if (k === undefined) ofBackend.set(dtype, (k = arithmeticFor({ backend, dtype })));
  return k;
}

function arithmeticFor(x: Like): Arithmetic<Value> {
  const tells = (v: Value): boolean => typeof v === "object" && v.dtype === x.dtype;
  const functions = Object.keys(elementwiseShapes).map((op) => [
    op,
    (...vs: Value[]) => applyOwn(op as Primitive, vs.some(tells) ? vs : vs.map((v) => asTensor(v, x)), undefined),
  ]);
  return { ...Object.fromEntries(functions), dtype: dtypeInfo[x.dtype].compute, constant: (c: number) => c };
}

/**
 * An elementwise operation with this formula. Its operands are floating-point tensors, which are promoted to one dtype
 * and whose shapes broadcast, or numbers of that dtype. The result has it, too: a formula that gives a mask is a
 * DTypeError. Pass numbers that change as operands: constants are compiled into the kernel.
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
  const checked = new Set<string>();
  /** One of the operands, and the shape of all. */
  const check = (inputs: readonly Value[]): readonly [x: Tensor, shape: Shape] => {
    const tensors = inputs.filter((x) => typeof x === "object");
    const [x] = tensors as [Tensor];
    const key = `${x.dtype} ${inputs.length}`;
    if (!checked.has(key)) {
      checkExpression(name, expression, x.dtype, inputs.length);
      checked.add(key);
    }
    return [x, tensors.map(({ shape }) => shape).reduce((a, b) => broadcast(name, a, b))];
  };
  return {
    name,
    promotes: true,
    infer: (inputs) => {
      const [{ dtype }, shape] = check(inputs);
      return [{ shape, dtype }];
    },
    fallback: (inputs) => {
      const [x, shape] = check(inputs);
      return [broadcastTo(asTensor(expression(onTensors(x), ...inputs), x), shape)];
    },
    expression,
    gradient,
  };
};
