// Rules of the indexing family: indices are i32 tensors; whether they lie on their axis is known only when they are read.
import { sameShape, text } from "../axes.ts";
import { DTypeError, ShapeError } from "../errors.ts";
import type { Value } from "../interpreter.ts";
import type { IndexingOps, Shape } from "../ops.ts";
import { agree, tensorAt, wrongDType, type DTypeRules, type ShapeRules } from "./table.ts";

function checkAxis(op: string, shape: Shape, axis: number): void {
  if (!(Number.isInteger(axis) && axis >= 0 && axis < shape.length))
    throw new ShapeError(`${op}: axis ${axis} is out of range for shape ${text(shape)}`);
}

/** The shape of whole rows taken at `indices`. */
function rows(op: string, inputs: readonly Value[], axis: number): Shape {
  const { shape } = tensorAt(op, inputs, 0);
  checkAxis(op, shape, axis);
  return [...shape.slice(0, axis), ...tensorAt(op, inputs, 1).shape, ...shape.slice(axis + 1)];
}

/** The shape of `indices`, which has the rank of x and no larger sizes off the axis. */
function places(op: string, inputs: readonly Value[], axis: number): Shape {
  const { shape } = tensorAt(op, inputs, 0);
  const index = tensorAt(op, inputs, 1).shape;
  checkAxis(op, shape, axis);
  if (index.length !== shape.length || index.some((d, k) => k !== axis && d > shape[k]!))
    throw new ShapeError(
      `${op}: shapes ${text(shape)} and ${text(index)} do not fit: the indices need as many axes, and off axis ${axis} no larger sizes`,
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
  take: (inputs, { axis }) => rows("take", inputs, axis),
  indexAdd: (inputs, { axis }) => checkUpdates("indexAdd", inputs, rows("indexAdd", inputs, axis)),
  gather: (inputs, { axis }) => places("gather", inputs, axis),
  scatterAdd: (inputs, { axis }) => checkUpdates("scatterAdd", inputs, places("scatterAdd", inputs, axis)),
};

const read = (op: string) => (inputs: readonly Value[]) => {
  const index = tensorAt(op, inputs, 1).dtype;
  if (index !== "i32") throw new DTypeError(`${op}: indices are i32, got ${index}; use cast`);
  return tensorAt(op, inputs, 0).dtype;
};
const write = (op: string) => {
  const check = read(op);
  return (inputs: readonly Value[]) => {
    const dtype = agree(op, check(inputs), tensorAt(op, inputs, 2).dtype);
    if (dtype === "bool" || dtype === "u8" || dtype === "f16") wrongDType(op, dtype, ["f32", "f64", "i32"]);
    return dtype;
  };
};

export const indexingDTypes: DTypeRules<keyof IndexingOps> = {
  take: read("take"),
  indexAdd: write("indexAdd"),
  gather: read("gather"),
  scatterAdd: write("scatterAdd"),
};
