// Operations defined by a row kernel alone: shapes and fallback are derived from it, so only the kernel and its
// derivative are written.
import { source } from "./apply.ts";
import { text } from "./axes.ts";
import type { DType } from "./dtype.ts";
import { cast } from "./elementwise.ts";
import { ShapeError } from "./errors.ts";
import { asTensor, onTensors } from "./expression.ts";
import type { FusedAttrs, FusedOp } from "./fused.ts";
import type { Value } from "./interpreter.ts";
import { checkRows, rowAxis } from "./kernel-check.ts";
import { broadcastTo, reshape } from "./movement.ts";
import type { Shape } from "./ops.ts";
import { callable, oneOf, readValue, string, type OptionKind } from "./options.ts";
import { max, sum } from "./reduce.ts";
import type { RowArithmetic, RowKernel, RowKind } from "./row-kernel.ts";
import { broadcast } from "./rules/elementwise.ts";
import { checkOperands, tensorAt } from "./rules/table.ts";
import type { Tensor } from "./tensor.ts";

/** The shape of an operand or result, and the shape in which it broadcasts against x. */
const shapesOf = (kind: RowKind, shape: Shape, axis: number): readonly [own: Shape, meeting: Shape] => {
  if (kind === "row") return [shape, shape];
  const without = shape.filter((_, a) => a !== axis);
  return kind === "scalar"
    ? [without, shape.map((d, a) => (a === axis ? 1 : d))]
    : [[shape[axis]!], shape.map((d, a) => (a === axis ? d : 1))];
};

/** What an operand has, for messages. */
const FITTING: { readonly [K in RowKind]: string } = {
  row: "as the first operand",
  scalar: "a number for each row",
  column: "a number for each place in a row",
};

const kinds = oneOf("row", "scalar", "column");

/** The first operand says how long the rows are. */
const rowKernel: OptionKind<RowKernel<never>> = {
  wanted: 'a row kernel { operands: ["row", …], results, axis: (attrs) => …, write }',
  is: (x): x is RowKernel<never> => {
    const { operands, results = ["row"], axis, write } = (x ?? {}) as Partial<RowKernel<never>>;
    const known = (list: unknown): boolean => Array.isArray(list) && list.length > 0 && list.every((o) => kinds.is(o));
    return (
      callable.is(write) &&
      known(operands) &&
      operands?.[0] === "row" &&
      known(results) &&
      (axis === undefined || callable.is(axis))
    );
  },
};

/** The kernel's arithmetic on tensors; `x` is its first operand. */
function ofTensors(x: Tensor, axis: number): RowArithmetic<Value> {
  const { backend, shape, dtype } = x;
  const options = { axis, keepDims: true };
  const [, row] = shapesOf("column", shape, axis);
  const integer = (value: number): Tensor => source(backend, "full", [value], { shape: [], dtype: "i32" });
  /** A value at each place of the row: what is the same for the whole row counts once for each. */
  const along = (v: Value): Tensor => {
    const t = asTensor(v, x);
    return broadcastTo(t, broadcast("rows", t.shape, row));
  };
  const k: RowArithmetic<Value> = {
    ...onTensors(x),
    sum: (v) => sum(along(v), options),
    mean: (v) => k.div(k.float(k.sum(v)), shape[axis]!),
    max: (v) => max(along(v), options),
    // Made where the kernel asks for them.
    get length() {
      return integer(shape[axis]!);
    },
    get place() {
      return source(backend, "iota", [], { shape: row, axis, dtype: "i32" });
    },
    float: (v) => (typeof v === "number" ? v : cast(v, dtype)),
    at: (v, place) => k.sum(k.where(k.equal(k.place, place), v, k.constant(0))),
    number: (value) => value,
    integer,
    outOfRange: () => {},
  };
  return k;
}

/**
 * An operation on the rows of floating-point tensors, given by a kernel that every backend runs. Without a `gradient`,
 * its derivative is that of the same formula on tensors. Operands of the wrong shape are a ShapeError. None of them may
 * hold indices; they are promoted to one dtype, which the results have.
 *
 * @example const centerOp = rowOp("center", { operands: ["row"], write: (k, _, x) => [k.sub(x, k.mean(x))] });
 */
export function rowOp<A extends FusedAttrs<A>>(
  name: string,
  rows: RowKernel<A>,
  gradient?: FusedOp<A>["gradient"],
): FusedOp<A> {
  readValue("rowOp", "name", name, string);
  readValue("rowOp", "rows", rows, rowKernel);
  if (gradient !== undefined) readValue("rowOp", "gradient", gradient, callable);
  const check = (inputs: readonly Value[], attrs: A): readonly [x: Tensor, axis: number] => {
    checkOperands(name, inputs, rows.operands.length);
    const x = tensorAt(name, inputs, 0);
    const axis = rowAxis(name, rows, attrs, x.shape);
    if (!x.shape[axis]) throw new ShapeError(`${name}: wanted rows with elements, got ${text(x.shape)}`);
    rows.operands.forEach((kind, i) => {
      const { shape } = tensorAt(name, inputs, i);
      const [wanted] = shapesOf(kind, x.shape, axis);
      if (text(shape) !== text(wanted))
        throw new ShapeError(
          `${name}: shapes ${text(x.shape)} and ${text(shape)} do not fit: wanted ${text(wanted)}, ${FITTING[kind]}`,
        );
    });
    return [x, axis];
  };
  const { results = ["row"] } = rows;
  return {
    name,
    promotes: true,
    infer: (inputs, attrs) => {
      const [x, axis] = check(inputs, attrs);
      return results.map((kind) => ({ shape: shapesOf(kind, x.shape, axis)[0], dtype: x.dtype }));
    },
    fallback: (inputs, attrs) => {
      const [x, axis] = check(inputs, attrs);
      const each = (list: readonly unknown[]): DType[] => list.map(() => x.dtype);
      checkRows({ name }, rows, attrs, { operand: each(inputs), result: each(results) });
      const operands = rows.operands.map((kind, i) => reshape(inputs[i] as Tensor, shapesOf(kind, x.shape, axis)[1]));
      const ys = rows.write(ofTensors(x, axis), attrs, ...(operands as Value[]));
      return ys.map((y, i) => {
        const [own, meeting] = shapesOf(results[i]!, x.shape, axis);
        return reshape(broadcastTo(asTensor(y, x), meeting), own);
      });
    },
    ...(gradient === undefined ? {} : { gradient }),
    rows,
  };
}
