// Rules of the sources: what they make is written in their attributes.
import { checkSizes, text } from "../axes.ts";
import { ShapeError } from "../errors.ts";
import type { SourceOps } from "../ops.ts";
import type { DTypeRules, ShapeRules } from "./table.ts";

export const sourceShapes: ShapeRules<keyof SourceOps> = {
  full: (_, { shape }) => checkSizes("full", shape),
  iota: (_, { shape, axis }) => {
    if (!(axis >= 0 && axis < shape.length))
      throw new ShapeError(`iota: axis ${axis} is out of range for shape ${text(shape)}`);
    return checkSizes("iota", shape);
  },
  randomBits: (_, { shape }) => checkSizes("randomBits", shape),
  randomUniform: (_, { shape }) => checkSizes("randomUniform", shape),
};

export const sourceDTypes: DTypeRules<keyof SourceOps> = {
  full: (_, { dtype }) => dtype,
  iota: (_, { dtype }) => dtype,
  randomBits: () => "i32",
  randomUniform: () => "f32",
};
