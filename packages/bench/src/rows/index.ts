// All rows, in the order of the table.
import { convolutions } from "./conv.ts";
import { elementwise } from "./elementwise.ts";
import { forwards } from "./forward.ts";
import { linalg } from "./linalg.ts";
import { norms } from "./norm.ts";
import { recording } from "./recording.ts";
import { planning } from "./planning.ts";
import type { Row } from "./row.ts";
import { training } from "./training.ts";

export const rows: readonly Row[] = [
  ...linalg,
  ...convolutions,
  ...norms,
  ...elementwise,
  ...training,
  ...forwards,
  ...planning,
  ...recording,
];
