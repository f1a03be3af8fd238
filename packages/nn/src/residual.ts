// A part of a model that is added to its input.
import { ShapeError, add, readTensor, type Operand, type Tensor } from "@weft/tensor";
import { callable, readValue, sameShape, text } from "@weft/tensor/internals";
import { called } from "./call-observer.ts";
import { named } from "./layer.ts";
import { inMode, type ModeOptions } from "./mode.ts";

/** What `Residual` is made of: a layer, or any function of one tensor. */
type Part = (x: any) => Tensor;

/** See the function `Residual`. */
export interface Residual<Body extends Part = Part, Shortcut extends Part | null = Part | null> {
  /** With `training`, body and shortcut are in that mode, whatever the default is here. */
  (x: Operand, options?: ModeOptions): Tensor;
  body: Body;
  shortcut: Shortcut;
}

/**
 * body(x) + shortcut(x), or body(x) + x without a shortcut: what the body learns is the difference (He et al. 2016). Shapes
 * must be equal, or it throws a ShapeError: they do not broadcast.
 *
 * @example
 * const model = Chain(Linear(784, 64), Residual(Chain(Linear(64, 64), relu)), Linear(64, 10));
 */
export function Residual<Body extends Part, Shortcut extends Part | null = null>(
  body: Body,
  shortcut?: Shortcut,
): Residual<Body, Shortcut> {
  readValue("Residual", "body", body, callable);
  if (shortcut != null) readValue("Residual", "shortcut", shortcut, callable);
  const run = (input: Operand): Tensor => {
    const x = readTensor(input, "Residual");
    const y = called(self.body, () => self.body(x), "body");
    const { shortcut: direct } = self;
    const z = direct === null ? x : called(direct, () => direct(x), "shortcut");
    if (!sameShape(y.shape, z.shape))
      throw new ShapeError(`Residual: the body gives ${text(y.shape)}, and the shortcut ${text(z.shape)}`);
    return add(y, z);
  };
  const call = (x: Operand, options?: ModeOptions): Tensor => inMode("Residual", options, () => run(x));
  const self = named("Residual", call, { body, shortcut: shortcut ?? null }) as Residual<Body, Shortcut>;
  return self;
}
