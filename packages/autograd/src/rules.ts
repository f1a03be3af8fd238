// The derivative of every primitive: one complete table, put together from the families.
import type { Rules } from "./rule.ts";
import { conv } from "./rules/conv.ts";
import { elementwise } from "./rules/elementwise.ts";
import { indexing } from "./rules/indexing.ts";
import { linalg } from "./rules/linalg.ts";
import { movement } from "./rules/movement.ts";
import { random } from "./rules/random.ts";
import { reductions } from "./rules/reduce.ts";

export const rules: Rules = {
  ...elementwise,
  ...reductions,
  ...movement,
  ...indexing,
  ...linalg,
  ...conv,
  ...random,
};
