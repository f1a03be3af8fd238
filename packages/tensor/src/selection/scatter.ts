// Updates at indices that replace what is there, or are combined with it.
import { alias, applyFusedRead, placed, read, readTensor } from "../apply.ts";
import { axisOf, sameShape, sizeOf, text } from "../axes.ts";
import { inNameOf } from "../context.ts";
import { dtypeInfo, promote } from "../dtype.ts";
import { add, div, less, maximum, where } from "../elementwise.ts";
import { floorDivide } from "../elementwise/rounding.ts";
import { ShapeError } from "../errors.ts";
import { filled } from "../filled.ts";
import { gather, scatterAdd } from "../indexing.ts";
import type { Operand, Value } from "../interpreter.ts";
import { reshape } from "../movement.ts";
import { checkNumber, inDType, positions } from "../operands.ts";
import { boolean, integer, oneOf, readOptions, type OptionKinds } from "../options.ts";
import { besideScalar, vectorOf } from "../along.ts";
import { partsOf, type Part } from "../span.ts";
import type { Tensor } from "../tensor.ts";
import { combined, scatterMaxOp, scatterMinOp } from "./segments.ts";
import { assignable, withParts } from "./setAt.ts";
import { assigned, numbered, winners } from "./winners.ts";

interface AxisOptions {
  readonly axis?: number;
}
const axisOption = { axis: integer };
const first = { axis: 0 };

export interface ScatterOptions extends AxisOptions {
  /** How updates of one place are combined; by default the last one replaces what is there. */
  readonly reduce?: "sum" | "prod" | "mean" | "min" | "max";
  /** Whether what is there is combined with the updates, or replaced by their result; true by default. */
  readonly includeSelf?: boolean;
}
const scatterKinds: OptionKinds<ScatterOptions> = {
  ...axisOption,
  reduce: oneOf("sum", "prod", "mean", "min", "max"),
  includeSelf: boolean,
};

/** The first elements of an axis. */
const firstOf = (size: number): Part => ({ start: 0, size, step: 1, backward: false });

function checkFit(x: Tensor, { shape }: Tensor, updates: Value, axis: number): void {
  if (shape.length !== x.shape.length || shape.some((d, i) => i !== axis && d > x.shape[i]!))
    throw new ShapeError(
      `scatter: shapes ${text(x.shape)} and ${text(shape)} do not fit: the indices need as many axes, and no larger sizes except along axis ${axis}`,
    );
  if (
    typeof updates === "object" &&
    (updates.shape.length !== shape.length || shape.some((d, i) => d > updates.shape[i]!))
  )
    throw new ShapeError(
      `scatter: updates of shape ${text(updates.shape)} do not fit: these indices take at least ${text(shape)}`,
    );
}

const countOf = (index: Tensor, shape: readonly number[], axis: number): Tensor =>
  scatterAdd(filled(index, 0, shape, "i32"), index, 1, { axis });

type Reduction = NonNullable<ScatterOptions["reduce"]>;
type Reduce = (x: Tensor, index: Tensor, updates: Tensor, axis: number, includeSelf: boolean) => Tensor;

const sum: Reduce = (x, index, updates, axis, includeSelf) =>
  scatterAdd(includeSelf ? x : where(less(0, countOf(index, x.shape, axis)), 0, x), index, updates, { axis });

const reductions: { readonly [R in Reduction]: Reduce } = {
  sum,
  mean: (x, index, updates, axis, includeSelf) => {
    const count = countOf(index, x.shape, axis);
    const total = sum(x, index, updates, axis, includeSelf);
    const n = includeSelf ? add(count, 1) : maximum(count, 1);
    return total.dtype === "i32" ? floorDivide(total, n) : div(total, n);
  },
  prod: (x, index, updates, axis, includeSelf) => combined("prod", x, index, updates, axis, includeSelf),
  max: (x, index, updates, axis, includeSelf) =>
    applyFusedRead(scatterMaxOp, [x, index, updates], { axis, includeSelf })[0]!,
  min: (x, index, updates, axis, includeSelf) =>
    applyFusedRead(scatterMinOp, [x, index, updates], { axis, includeSelf })[0]!,
};

/** x with the last update of each place. */
function replaced(x: Tensor, index: Tensor, updates: Value, axis: number): Tensor {
  const winner = winners(index, x.shape[axis]!, axis);
  const count = index.shape[axis]!;
  const values = typeof updates === "number" ? updates : gather(updates, numbered(winner, count), { axis });
  return where(less(0, winner), values, x);
}

/**
 * x with updates at the positions where `gather` would read: y[indices[i][j]][j] = updates[i][j] for axis 0. Of several
 * updates of one position the last one counts, and gets the gradient. With `reduce` they are combined with each other
 * and with x. Like PyTorch's `scatter` and `scatter_reduce`; a mean of integers is rounded down.
 *
 * @example scatter(tensor([1, 2, 3]), tensor([2, 0], { dtype: "i32" }), tensor([8, 9])) // [9, 2, 8]
 * @example scatter(tensor([1, 2]), tensor([1, 1], { dtype: "i32" }), tensor([5, 3]), { reduce: "max" }) // [1, 5]
 */
export function scatter(x: Operand, indices: Operand, updates: Operand, options?: ScatterOptions): Tensor {
  const { axis, reduce, includeSelf } = readOptions("scatter", options, scatterKinds, { axis: 0, includeSelf: true });
  const beside = placed([x, indices, updates]);
  const t = readTensor(x, "scatter", beside);
  const index = positions("scatter", readTensor(indices, "scatter", beside));
  const given = read(updates, "scatter", beside);
  if (besideScalar(t, index)) return reshape(scatter(vectorOf(t), vectorOf(index), vectorOf(given), options), t.shape);
  const at = axisOf("scatter", axis, t.shape);
  checkFit(t, index, given, at);
  if (sizeOf(index.shape) === 0) return alias(t);
  return inNameOf("scatter", () => {
    const reached = t.shape.map((d, i) => (i === at ? d : index.shape[i]!)).map(firstOf);
    const some = (all: Tensor) => partsOf(all, index.shape.map(firstOf));
    if (reduce === undefined) {
      const value = assignable("scatter", t, given);
      const y = replaced(partsOf(t, reached), index, typeof value === "number" ? value : some(value), at);
      return inDType(withParts(t, reached, y), t.dtype);
    }
    const { accumulate } = dtypeInfo[t.dtype];
    const [dtype, all] =
      typeof given === "number"
        ? [accumulate, filled(t, checkNumber("scatter", t.dtype, given), index.shape, accumulate)]
        : [promote(accumulate, given.dtype), some(given)];
    const y = reductions[reduce](inDType(partsOf(t, reached), dtype), index, inDType(all, dtype), at, includeSelf);
    return withParts(inDType(t, y.dtype), reached, y);
  });
}

/**
 * x with whole rows of updates at the positions where `take` would read. Of several rows for one position the last one
 * counts, and gets the gradient.
 *
 * @example indexCopy(tensor([[1, 2], [3, 4]]), tensor([1], { dtype: "i32" }), tensor([[5, 6]])) // [[1, 2], [5, 6]]
 */
export function indexCopy(x: Operand, indices: Operand, updates: Operand, options?: AxisOptions): Tensor {
  const { axis } = readOptions("indexCopy", options, axisOption, first);
  const beside = placed([x, indices, updates]);
  const t = readTensor(x, "indexCopy", beside);
  const index = positions("indexCopy", readTensor(indices, "indexCopy", beside));
  const given = assignable("indexCopy", t, read(updates, "indexCopy", beside));
  if (t.shape.length === 0) {
    const row = index.shape.length === 1 ? vectorOf(given) : given;
    return reshape(indexCopy(vectorOf(t), index, row, { axis }), []);
  }
  const at = axisOf("indexCopy", axis, t.shape);
  const wanted = t.shape.toSpliced(at, 1, ...index.shape);
  if (typeof given === "object" && !sameShape(given.shape, wanted))
    throw new ShapeError(
      `indexCopy: updates of shape ${text(given.shape)} do not fit: these indices take ${text(wanted)}`,
    );
  return inNameOf("indexCopy", () => {
    const count = sizeOf(index.shape);
    if (count === 0) return alias(t);
    const rows = typeof given === "object" ? reshape(given, t.shape.with(at, count)) : given;
    return assigned(t, reshape(index, [count]), rows, at);
  });
}

/**
 * x with one value in whole rows, at the positions where `take` would read.
 *
 * @example indexFill(tensor([[1, 2], [3, 4]]), tensor([1], { dtype: "i32" }), 0, { axis: 1 }) // [[1, 0], [3, 0]]
 */
export function indexFill(x: Operand, indices: Operand, value: Operand, options?: AxisOptions): Tensor {
  const { axis } = readOptions("indexFill", options, axisOption, first);
  const beside = placed([x, indices, value]);
  const t = readTensor(x, "indexFill", beside);
  const index = positions("indexFill", readTensor(indices, "indexFill", beside));
  const given = assignable("indexFill", t, read(value, "indexFill", beside));
  if (typeof given === "object" && given.shape.length > 0)
    throw new ShapeError(`indexFill: wanted a number or a scalar as value, got shape ${text(given.shape)}`);
  if (t.shape.length === 0) return reshape(indexFill(vectorOf(t), index, given, { axis }), []);
  const at = axisOf("indexFill", axis, t.shape);
  return inNameOf("indexFill", () => {
    const count = countOf(reshape(index, [sizeOf(index.shape)]), [t.shape[at]!], 0);
    const reached = reshape(
      less(0, count),
      t.shape.map((d, i) => (i === at ? d : 1)),
    );
    return inDType(where(reached, given, t), t.dtype);
  });
}
