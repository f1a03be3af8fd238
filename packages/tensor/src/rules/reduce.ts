// Rules of the reductions: the axes vanish or stay as 1; what has no neutral element refuses empty axes.
import { sizeOf, text } from "../axes.ts";
import { ShapeError } from "../errors.ts";
import type { Value } from "../interpreter.ts";
import type { ReduceAttrs, ReduceOps, Shape } from "../ops.ts";
import { takes, tensorAt, type DTypeRules, type ShapeRules } from "./table.ts";

function reduced(shape: Shape, axes: readonly number[], keepDims: boolean): Shape {
  return keepDims ? shape.map((d, i) => (axes.includes(i) ? 1 : d)) : shape.filter((_, i) => !axes.includes(i));
}

function checkAxis(op: string, shape: Shape, axis: number): void {
  if (!(Number.isInteger(axis) && axis >= 0 && axis < shape.length))
    throw new ShapeError(`${op}: axis ${axis} is out of range for shape ${text(shape)}`);
}

function refuseEmpty(op: string, shape: Shape, result: Shape, axes: readonly number[]): void {
  for (const axis of axes)
    if (shape[axis] === 0 && sizeOf(result) > 0)
      throw new ShapeError(`${op}: axis ${axis} of shape ${text(shape)} is empty, and nothing has no ${op}`);
}

const reduce =
  (op: string, emptyHasValue: boolean) =>
  (inputs: readonly Value[], { axes, keepDims }: ReduceAttrs): Shape => {
    const { shape } = tensorAt(op, inputs, 0);
    for (const axis of axes) checkAxis(op, shape, axis);
    const result = reduced(shape, axes, keepDims);
    if (!emptyHasValue) refuseEmpty(op, shape, result, axes);
    return result;
  };

const position =
  (op: string) =>
  (inputs: readonly Value[], { axis, keepDims }: { readonly axis: number; readonly keepDims: boolean }): Shape => {
    const { shape } = tensorAt(op, inputs, 0);
    checkAxis(op, shape, axis);
    const result = reduced(shape, [axis], keepDims);
    refuseEmpty(op, shape, result, [axis]);
    return result;
  };

const along =
  (op: string) =>
  (inputs: readonly Value[], { axis }: { readonly axis: number }): Shape => {
    const { shape } = tensorAt(op, inputs, 0);
    checkAxis(op, shape, axis);
    return shape;
  };

export const reduceShapes: ShapeRules<keyof ReduceOps> = {
  sum: reduce("sum", true),
  max: reduce("max", false),
  min: reduce("min", false),
  argmax: position("argmax"),
  argmin: position("argmin"),
  cumsum: along("cumsum"),
  argsort: along("argsort"),
};

const index = (op: string) => {
  const check = takes(op, "f32", "f64", "i32");
  return (inputs: readonly Value[]) => (check(inputs), "i32" as const);
};

export const reduceDTypes: DTypeRules<keyof ReduceOps> = {
  sum: takes("sum", "f32", "f64", "i32"),
  max: takes("max", "f32", "f64", "i32"),
  min: takes("min", "f32", "f64", "i32"),
  argmax: index("argmax"),
  argmin: index("argmin"),
  cumsum: takes("cumsum", "f32", "f64", "i32"),
  argsort: index("argsort"),
};
