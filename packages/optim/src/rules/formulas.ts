// What formulas of rules share: state that begins as zeros, running averages, and weight decay.
import { add, mul, type Shape, type Tensor } from "@weft/tensor";
import { dtypeInfo, filled } from "@weft/tensor/internals";
import type { Formula } from "../rule.ts";
import { mapped } from "../update.ts";

/**
 * The formula whose state is zeros at first, in shapes that follow from that of the parameter, and in the dtype that it
 * is computed in: small steps would be lost in 16 bits.
 */
export function fromShapes<Name extends string>(
  shapes: (shape: Shape) => Readonly<Record<Name, Shape>>,
  update: Formula<Name>["update"],
  rows?: NonNullable<Formula["rows"]>,
): Formula<Name> {
  const like = ({ shape, dtype }: Pick<Tensor, "shape" | "dtype">) =>
    mapped(shapes(shape), (each) => ({ shape: each, dtype: dtypeInfo[dtype].compute }));
  return {
    init: (p) => mapped(like(p), ({ shape, dtype }) => filled(p, 0, shape, dtype)),
    shapes: like,
    update,
    ...(rows && { rows }),
  };
}

/** The formula whose state, by these names, is zeros at first, each with the shape of its parameter. */
export const fromZeros = <const Name extends string>(
  names: readonly Name[],
  update: Formula<Name>["update"],
  rows?: NonNullable<Formula["rows"]>,
): Formula<Name> =>
  fromShapes((shape) => Object.fromEntries(names.map((name) => [name, shape])) as Record<Name, Shape>, update, rows);

/** ρ · average + (1 − ρ) · x. */
export const average = (rho: number, old: Tensor, x: Tensor): Tensor => add(mul(old, rho), mul(x, 1 - rho));

/** A parameter after decoupled weight decay: p − lr · decay · p. */
export const decayed = (p: Tensor, lr: number, decay: number): Tensor => (decay === 0 ? p : mul(p, 1 - lr * decay));
