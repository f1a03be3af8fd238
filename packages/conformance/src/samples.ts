// All samples of the catalog and of the public functions of `@weft/tensor`.
import type { Collection } from "./sample.ts";
import { activations } from "./samples/activations.ts";
import { conv } from "./samples/conv.ts";
import { elementwise } from "./samples/elementwise.ts";
import { formulas } from "./samples/formulas.ts";
import { fused } from "./samples/fused.ts";
import { images } from "./samples/images.ts";
import { indexing } from "./samples/indexing.ts";
import { linalg } from "./samples/linalg.ts";
import { matrices } from "./samples/matrices.ts";
import { movement } from "./samples/movement.ts";
import { order } from "./samples/order.ts";
import { pooling } from "./samples/pooling.ts";
import { programs } from "./samples/programs.ts";
import { random } from "./samples/random.ts";
import { recurrences } from "./samples/recurrence.ts";
import { reductions } from "./samples/reduce.ts";
import { selection } from "./samples/selection.ts";
import { shape } from "./samples/shape.ts";
import { storage } from "./samples/storage.ts";

type NamesOf<C> = C extends Collection<infer K> ? K : never;
export type SampleName = NamesOf<
  | typeof elementwise
  | typeof activations
  | typeof formulas
  | typeof reductions
  | typeof order
  | typeof movement
  | typeof indexing
  | typeof linalg
  | typeof matrices
  | typeof conv
  | typeof pooling
  | typeof images
  | typeof random
  | typeof fused
  | typeof recurrences
  | typeof programs
  | typeof selection
  | typeof shape
  | typeof storage
>;

export const collections: readonly Collection[] = [
  elementwise,
  activations,
  formulas,
  reductions,
  order,
  movement,
  indexing,
  linalg,
  matrices,
  conv,
  pooling,
  images,
  random,
  fused,
  recurrences,
  programs,
  selection,
  shape,
  storage,
];
