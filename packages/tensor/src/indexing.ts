// Reading and writing at indices. Indices count from 0. One out of range touches nothing, and each read of a value that
// was computed with it throws an IndexError.
import { inNameOf } from "./context.ts";
import { along, besideScalar, vectorOf } from "./along.ts";
import { applyRead, placed, read, readTensor, readTensors } from "./apply.ts";
import { axisOf, text } from "./axes.ts";
import { dtypeInfo, promote, type DType } from "./dtype.ts";
import { ArgumentError, IndexError } from "./errors.ts";
import { filled, iota } from "./filled.ts";
import type { Operand, Value } from "./interpreter.ts";
import { reshape, slice } from "./movement.ts";
import { checkNumber, inDType, indicesOf, positions } from "./operands.ts";
import { count, dtypeName, integer, readOptions } from "./options.ts";
import type { Tensor } from "./tensor.ts";

interface AxisOptions {
  readonly axis?: number;
}
const axisOption = { axis: integer };
const first = { axis: 0 };

/**
 * Whole rows of x at `indices`, along an axis: the shape of the indices replaces the axis. A number takes a single row,
 * counted from the end if negative. A scalar has an axis 0 here, of one element.
 *
 * @example take(tensor([[1, 2], [3, 4]]), tensor([1, 1, 0], { dtype: "i32" })) // [[3, 4], [3, 4], [1, 2]]
 */
export function take(x: Operand, indices: Operand, options?: AxisOptions): Tensor {
  const [t, at] = along("take", readTensor(x, "take", indices), readOptions("take", options, axisOption, first).axis);
  if (typeof indices !== "number")
    return applyRead("take", [t, positions("take", readTensor(indices, "take", t))], { axis: at });
  const size = t.shape[at]!;
  const i = indices < 0 ? indices + size : indices;
  if (!(Number.isInteger(i) && i >= 0 && i < size))
    throw new IndexError(`take: index ${indices} is out of range for axis ${at} of shape ${text(t.shape)}`);
  const starts = t.shape.map((_, k) => (k === at ? i : 0));
  const ends = t.shape.map((d, k) => (k === at ? i + 1 : d));
  return reshape(slice(t, { starts, ends }), t.shape.toSpliced(at, 1));
}

/**
 * y[i][j] = x[indices[i][j]][j] for axis 0, and so on: one element of x per index.
 *
 * @example gather(tensor([[1, 2], [3, 4]]), tensor([[1], [0]], { dtype: "i32" }), { axis: 1 }) // [[2], [3]]
 */
export function gather(x: Operand, indices: Operand, options?: AxisOptions): Tensor {
  const [t, index] = readTensors("gather", [x, indices]);
  const { axis } = readOptions("gather", options, axisOption, first);
  if (besideScalar(t, index)) return reshape(gather(vectorOf(t), vectorOf(index), options), index.shape);
  return applyRead("gather", [t, positions("gather", index)], { axis: axisOf("gather", axis, t.shape) });
}

/** x and updates in a common dtype; a number becomes a tensor of the given shape. */
function promoted(op: string, t: Tensor, updates: Value, shape: readonly number[]): [Tensor, Tensor] {
  const sum = dtypeInfo[t.dtype].accumulate;
  if (typeof updates === "number") {
    return [inDType(t, sum), filled(t, checkNumber(op, sum, updates), shape, sum)];
  }
  const dtype = promote(sum, updates.dtype);
  return [inDType(t, dtype), inDType(updates, dtype)];
}

/** x plus updates, as one of the two primitives does it. */
function added(
  op: "scatterAdd" | "indexAdd",
  x: Operand,
  indices: Operand,
  updates: Operand,
  options: AxisOptions | undefined,
): Tensor {
  const { axis } = readOptions(op, options, axisOption, first);
  const beside = placed([x, indices, updates]);
  const onto = readTensor(x, op, beside);
  const index = positions(op, readTensor(indices, op, beside));
  const more = read(updates, op, beside);
  if (besideScalar(onto, index))
    return reshape(added(op, vectorOf(onto), vectorOf(index), vectorOf(more), options), onto.shape);
  const at = axisOf(op, axis, onto.shape);
  const wanted = op === "scatterAdd" ? index.shape : onto.shape.toSpliced(at, 1, ...index.shape);
  const [t, u] = promoted(op, onto, more, wanted);
  return applyRead(op, [t, index, u], { axis: at });
}

/**
 * x plus updates at the positions where `gather` would read: y[indices[i][j]][j] += updates[i][j] for axis 0.
 * Updates at the same position add up.
 *
 * @example scatterAdd(zeros([3]), tensor([0, 2, 2], { dtype: "i32" }), 1) // [1, 0, 2]
 */
export const scatterAdd = (x: Operand, indices: Operand, updates: Operand, options?: AxisOptions): Tensor =>
  added("scatterAdd", x, indices, updates, options);

/**
 * x plus whole rows of updates at the positions where `take` would read.
 *
 * @example indexAdd(zeros([2, 2]), tensor([1], { dtype: "i32" }), tensor([[5, 6]])) // [[0, 0], [5, 6]]
 */
export const indexAdd = (x: Operand, indices: Operand, updates: Operand, options?: AxisOptions): Tensor =>
  added("indexAdd", x, indices, updates, options);

/**
 * A new last axis of size `depth` with 1 at the index and 0 elsewhere; all 0 for an index out of range.
 *
 * @example oneHot(tensor([1, 0], { dtype: "i32" }), { depth: 3 }) // [[0, 1, 0], [1, 0, 0]]
 */
export function oneHot(indices: Operand, options: { depth: number; dtype?: DType }): Tensor {
  const { depth, dtype } = readOptions<typeof options, { dtype: DType }>(
    "oneHot",
    options,
    { depth: count, dtype: dtypeName },
    { dtype: "f32" },
  );
  if (depth === undefined) throw new ArgumentError("oneHot: wanted the number of classes as depth, got undefined");
  return inNameOf("oneHot", () => {
    const index = indicesOf("oneHot", readTensor(indices, "oneHot"));
    const classes = iota(index, [depth]);
    const column = reshape(index, [...index.shape, 1]);
    return inDType(applyRead("equal", [column, classes], undefined), dtype);
  });
}
