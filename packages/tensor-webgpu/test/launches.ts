// Launches of calls by themselves: operands in f32, one after the other in memory.
import type { CallLaunch, CallOperand } from "@weft/kernel";
import { sizeOf } from "@weft/tensor/internals";

/** Operands in row-major order, each at a multiple of `align` bytes, with at least so many bytes `between` two of them. */
export function laidOut(shapes: readonly (readonly number[])[], align = 16, between = 16): CallOperand[] {
  let bytes = 0;
  return shapes.map((shape, slot) => {
    const strides = shape.map((_, i) => sizeOf(shape.slice(i + 1)));
    const operand: CallOperand = { slot, bytes, shape, strides, dtype: "f32" };
    bytes += Math.ceil((4 * sizeOf(shape)) / align) * align + between;
    return operand;
  });
}

/** A call of which the last operands are its results. */
export const callOf = <Attrs>(
  op: CallLaunch["op"],
  attrs: Attrs,
  operands: readonly CallOperand[],
  results = 1,
): CallLaunch<Attrs> => ({
  kind: "call",
  op,
  attrs,
  inputs: operands.slice(0, -results),
  outs: operands.slice(-results) as [CallOperand, ...CallOperand[]],
  node: 0,
  after: undefined,
});
