// The shapes of a rule's state, found by calling the rule with a tensor that has a shape but no values: a parameter
// whose state is loaded may not be initialized yet.
import { shapes, type Param } from "@weft/autograd";
import { UnsupportedError } from "@weft/tensor";
import type { Rule, Shapes } from "./rule.ts";

/** The shapes of what `init` makes for a parameter. */
export function shapesOf(init: Rule["init"], { shape, dtype }: Param): Shapes {
  try {
    return shapes(init, { shape, dtype });
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    throw new UnsupportedError("optimizer: init of a rule cannot read values of the parameter", { cause: error });
  }
}
