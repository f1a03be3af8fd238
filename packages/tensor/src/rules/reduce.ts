// Rules of the reductions: reduced axes are removed or kept with size 1. A reduction without an identity refuses empty
// axes.
import { sizeOf, text } from "../axes.ts";
import { ShapeError } from "../errors.ts";
import type { Value } from "../interpreter.ts";
import type { ReduceAttrs, ReduceOps, Shape } from "../ops.ts";
import { checkAxis, number, tensorAt, type DTypeRules, type ShapeRules } from "./table.ts";

/** The shape without the reduced axes, or with size 1 in their place. */
export function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): Shape {
  const rest: number[] = [];
  for (let i = 0; i < shape.length; i++) {
    if (!axes.includes(i)) rest.push(shape[i]!);
    else if (keepDims) rest.push(1);
  }
  return rest;
}

/** Refuses to reduce nothing to something. */
export function refuseEmpty(op: string, shape: Shape, result: Shape, axes: readonly number[]): void {
  for (const axis of axes)
    if (shape[axis] === 0 && sizeOf(result) > 0)
      throw new ShapeError(`${op}: cannot take the ${op} over an empty axis: axis ${axis} of shape ${text(shape)}`);
}

const reduce =
  (emptyHasValue: boolean) =>
  (inputs: readonly Value[], { axes, keepDims }: ReduceAttrs, op: string): Shape => {
    const { shape } = tensorAt(op, inputs, 0);
    for (const axis of axes) checkAxis(op, shape, axis);
    const result = reducedShape(shape, axes, keepDims);
    if (!emptyHasValue) refuseEmpty(op, shape, result, axes);
    return result;
  };
const extreme = reduce(false);

const position = (
  inputs: readonly Value[],
  { axis, keepDims }: { readonly axis: number; readonly keepDims: boolean },
  op: string,
): Shape => extreme(inputs, { axes: [axis], keepDims }, op);

const along = (inputs: readonly Value[], { axis }: { readonly axis: number }, op: string): Shape => {
  const { shape } = tensorAt(op, inputs, 0);
  checkAxis(op, shape, axis);
  return shape;
};

export const reduceShapes: ShapeRules<keyof ReduceOps> = {
  sum: reduce(true),
  max: extreme,
  min: extreme,
  argmax: position,
  argmin: position,
  cumsum: along,
  argsort: along,
};

const index = (inputs: readonly Value[], attrs: unknown, op: string): "i32" => (number(inputs, attrs, op), "i32");

export const reduceDTypes: DTypeRules<keyof ReduceOps> = {
  sum: number,
  max: number,
  min: number,
  argmax: index,
  argmin: index,
  cumsum: number,
  argsort: index,
};
