// Shape and dtype of every primitive's result: two complete tables over the catalog, one file per family. They throw
// the errors for bad input, before any kernel runs and the same on every backend.
import { convDTypes, convShapes } from "./rules/conv.ts";
import { elementwiseDTypes, elementwiseShapes } from "./rules/elementwise.ts";
import { indexingDTypes, indexingShapes } from "./rules/indexing.ts";
import { linalgDTypes, linalgShapes } from "./rules/linalg.ts";
import { movementDTypes, movementShapes } from "./rules/movement.ts";
import { reduceDTypes, reduceShapes } from "./rules/reduce.ts";
import { sourceDTypes, sourceShapes } from "./rules/source.ts";
import type { DTypeRules, ShapeRules } from "./rules/table.ts";

export type { DTypeRules, ShapeRules } from "./rules/table.ts";

export const shapes: ShapeRules = {
  ...elementwiseShapes,
  ...reduceShapes,
  ...movementShapes,
  ...indexingShapes,
  ...linalgShapes,
  ...convShapes,
  ...sourceShapes,
};

export const dtypes: DTypeRules = {
  ...elementwiseDTypes,
  ...reduceDTypes,
  ...movementDTypes,
  ...indexingDTypes,
  ...linalgDTypes,
  ...convDTypes,
  ...sourceDTypes,
};
