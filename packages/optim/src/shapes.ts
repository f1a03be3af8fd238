// The shapes of a rule's state, found by calling the rule with a tensor that has a shape but no values: a parameter
// whose state is loaded may not be initialized yet.
import type { Param } from "@weft/autograd";
import { Tensor, UnsupportedError, type Backend, type DType, type Shape } from "@weft/tensor";
import { CONTRACT, resultOf } from "@weft/tensor/internals";
import type { Rule, Shapes } from "./rule.ts";
import { mapped } from "./update.ts";

/** The version of this package, for messages. */
const VERSION = "0.1.0";

const refuse = (): never => {
  throw new UnsupportedError("optimizer: init of a rule cannot read values of the parameter");
};
const tensor = (shape: Shape, dtype: DType): Tensor => new Tensor(shapesAlone, shape, dtype, undefined);

/** A backend that infers shapes and holds no values. */
const shapesAlone: Backend = {
  name: "shapes of an optimizer's state",
  version: VERSION,
  contract: CONTRACT,
  level: 0,
  get backend() {
    return shapesAlone;
  },
  run: (_op, _inputs, _attrs, shape, dtype) => tensor(shape, dtype),
  runFused: () => undefined,
  upload: (_data, shape, dtype) => tensor(shape, dtype),
  read: refuse,
  readSync: refuse,
  release: () => undefined,
  unowned: () => undefined,
  owned: () => undefined,
  retain: ({ shape, dtype }) => tensor(shape, dtype),
  flush: () => undefined,
  stream: { key: [0, 0], counter: 0 },
};

/** The shapes of what `init` makes for a parameter. */
export const shapesOf = (init: Rule["init"], { shape, dtype }: Param): Shapes =>
  resultOf(() => mapped(init(tensor(shape, dtype)), (x) => ({ shape: x.shape, dtype: x.dtype })));
