// Rules of the sources: the attributes say what they make.
import type { Shape, SourceOps } from "../ops.ts";
import { checkAxis, type DTypeRules, type ShapeRules } from "./table.ts";

const made = (_: unknown, { shape }: { readonly shape: Shape }): Shape => shape;

export const sourceShapes: ShapeRules<keyof SourceOps> = {
  full: made,
  iota: (_, { shape, axis }, op) => {
    checkAxis(op, shape, axis);
    return shape;
  },
  randomBits: made,
  randomUniform: made,
};

export const sourceDTypes: DTypeRules<keyof SourceOps> = {
  full: (_, { dtype }) => dtype,
  iota: (_, { dtype }) => dtype,
  randomBits: () => "i32",
  randomUniform: () => "f32",
};
