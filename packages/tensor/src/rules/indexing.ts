// Rules of the indexing family: indices are i32 tensors. Whether they are in range is known only when they are read.
import { sameShape, text } from "../axes.ts";
import type { DType } from "../dtype.ts";
import { DTypeError, ShapeError } from "../errors.ts";
import type { Value } from "../interpreter.ts";
import type { IndexingOps, Shape } from "../ops.ts";
import { agree, checkAxis, number, tensorAt, type DTypeRules, type ShapeRules } from "./table.ts";

/** The shape of whole rows taken at `indices`. */
function rows(op: string, inputs: readonly Value[], axis: number): Shape {
  const { shape } = tensorAt(op, inputs, 0);
  checkAxis(op, shape, axis);
  return [...shape.slice(0, axis), ...tensorAt(op, inputs, 1).shape, ...shape.slice(axis + 1)];
}

/** The shape of `indices`: it must have the rank of x, and no larger sizes except along the axis. */
function places(op: string, inputs: readonly Value[], axis: number): Shape {
  const { shape } = tensorAt(op, inputs, 0);
  const index = tensorAt(op, inputs, 1).shape;
  checkAxis(op, shape, axis);
  if (index.length !== shape.length || index.some((d, k) => k !== axis && d > shape[k]!))
    throw new ShapeError(
      `${op}: shapes ${text(shape)} and ${text(index)} do not fit: the indices need as many axes, and no larger sizes except along axis ${axis}`,
    );
  return index;
}

function checkUpdates(op: string, inputs: readonly Value[], wanted: Shape): Shape {
  const updates = tensorAt(op, inputs, 2).shape;
  if (!sameShape(updates, wanted))
    throw new ShapeError(`${op}: updates of shape ${text(updates)} do not fit: these indices take ${text(wanted)}`);
  return tensorAt(op, inputs, 0).shape;
}

export const indexingShapes: ShapeRules<keyof IndexingOps> = {
  take: (inputs, { axis }, op) => rows(op, inputs, axis),
  indexAdd: (inputs, { axis }, op) => checkUpdates(op, inputs, rows(op, inputs, axis)),
  gather: (inputs, { axis }, op) => places(op, inputs, axis),
  scatterAdd: (inputs, { axis }, op) => checkUpdates(op, inputs, places(op, inputs, axis)),
};

const read = (inputs: readonly Value[], _attrs: unknown, op: string): DType => {
  const index = tensorAt(op, inputs, 1).dtype;
  if (index !== "i32") throw new DTypeError(`${op}: indices must be i32, got ${index}; use cast`);
  return tensorAt(op, inputs, 0).dtype;
};
const write = (inputs: readonly Value[], attrs: unknown, op: string): DType => {
  agree(op, read(inputs, attrs, op), tensorAt(op, inputs, 2).dtype);
  return number(inputs, attrs, op);
};

export const indexingDTypes: DTypeRules<keyof IndexingOps> = {
  take: read,
  indexAdd: write,
  gather: read,
  scatterAdd: write,
};
