// Rules of the movement family. They accept every dtype, storage types too.
import { sameShape, sizeOf, text } from "../axes.ts";
import { ShapeError } from "../errors.ts";
import type { Value } from "../interpreter.ts";
import type { MovementOps, Shape } from "../ops.ts";
import { agree, keepsDType, tensorAt, type DTypeRules, type ShapeRules } from "./table.ts";

const shapeAt = (op: string, inputs: readonly Value[]): Shape => tensorAt(op, inputs, 0).shape;

function checkLengths(op: string, shape: Shape, what: string, list: readonly unknown[]): void {
  if (list.length !== shape.length)
    throw new ShapeError(
      `${op}: shape ${text(shape)} has ${shape.length} axes, ${what}${text(list)} has ${list.length} entries`,
    );
}

export const movementShapes: ShapeRules<keyof MovementOps> = {
  reshape: (inputs, { shape }, op) => {
    const from = shapeAt(op, inputs);
    if (sameShape(from, shape)) return from;
    const [n, m] = [sizeOf(from), sizeOf(shape)];
    if (n !== m)
      throw new ShapeError(
        `${op}: shapes ${text(from)} and ${text(shape)} do not fit: ${n} elements cannot become ${m}`,
      );
    return shape;
  },
  permute: (inputs, { axes }, op) => {
    const shape = shapeAt(op, inputs);
    checkLengths(op, shape, "axes ", axes);
    return axes.map((axis, i) => {
      const size = shape[axis];
      if (size === undefined || axes.indexOf(axis) !== i)
        throw new ShapeError(`${op}: axes ${text(axes)} must name each axis of shape ${text(shape)} once`);
      return size;
    });
  },
  broadcastTo: (inputs, { shape }, op) => {
    const from = shapeAt(op, inputs);
    const lead = shape.length - from.length;
    if (lead < 0)
      throw new ShapeError(`${op}: shape ${text(from)} has more axes than ${text(shape)}; reshape it first`);
    from.forEach((d, i) => {
      if (d !== 1 && d !== shape[lead + i])
        throw new ShapeError(
          `${op}: shape ${text(from)} does not broadcast to ${text(shape)}: size ${d} would become ${shape[lead + i]}, and only size 1 broadcasts`,
        );
    });
    return shape;
  },
  slice: (inputs, { starts, sizes, steps }, op) => {
    const shape = shapeAt(op, inputs);
    checkLengths(op, shape, "sizes ", sizes);
    sizes.forEach((size, i) => {
      const [start, step] = [starts[i]!, steps[i]!];
      if (!(size >= 0 && start >= 0 && step >= 1 && (size === 0 || start + (size - 1) * step < shape[i]!)))
        throw new ShapeError(
          `${op}: ${size} elements from ${start} in steps of ${step} do not lie on axis ${i} of shape ${text(shape)}`,
        );
    });
    return sizes;
  },
  flip: (inputs, { axes }, op) => {
    const shape = shapeAt(op, inputs);
    for (const axis of axes)
      if (!(axis >= 0 && axis < shape.length))
        throw new ShapeError(`${op}: axis ${axis} is out of range for shape ${text(shape)}`);
    return shape;
  },
  pad: (inputs, { before, after, interior }, op) => {
    const shape = shapeAt(op, inputs);
    for (const list of [before, after, interior]) checkLengths(op, shape, "", list);
    return shape.map((d, i) => {
      const [low, high, between] = [before[i]!, after[i]!, interior[i]!];
      if (!(low >= 0 && high >= 0 && between >= 0))
        throw new ShapeError(`${op}: padding ${low}, ${high} of axis ${i} must not be negative; use slice to cut`);
      return low + d + Math.max(0, d - 1) * between + high;
    });
  },
  concat: (inputs, { axis }, op) => {
    const first = shapeAt(op, inputs);
    if (!(axis >= 0 && axis < first.length))
      throw new ShapeError(`${op}: axis ${axis} is out of range for shape ${text(first)}`);
    let total = 0;
    for (let i = 0; i < inputs.length; i++) {
      const { shape } = tensorAt(op, inputs, i);
      if (shape.length !== first.length || shape.some((d, k) => k !== axis && d !== first[k]))
        throw new ShapeError(
          `${op}: shapes ${text(first)} and ${text(shape)} do not fit: all axes but axis ${axis} must have equal sizes`,
        );
      total += shape[axis]!;
    }
    return first.map((d, k) => (k === axis ? total : d));
  },
};

export const movementDTypes: DTypeRules<keyof MovementOps> = {
  reshape: keepsDType,
  permute: keepsDType,
  broadcastTo: keepsDType,
  slice: keepsDType,
  flip: keepsDType,
  pad: keepsDType,
  concat: (inputs, _, op) => {
    const { dtype } = tensorAt(op, inputs, 0);
    for (let i = 1; i < inputs.length; i++) agree(op, dtype, tensorAt(op, inputs, i).dtype);
    return dtype;
  },
};
