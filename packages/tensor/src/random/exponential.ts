// Standard exponential numbers: what `exponential` scales, and what decides a race between weights.
import { add, log1p, maximum, minimum, mul, neg } from "../elementwise.ts";
import type { Backend } from "../interpreter.ts";
import type { Shape } from "../ops.ts";
import { uniform, type Purpose } from "../random.ts";
import type { Tensor } from "../tensor.ts";

/**
 * −ln(1 − u), `f32`. A second draw fills the digits of u below 2⁻²⁴, so that small numbers differ, too: the smallest of
 * many wins a race. The largest is 24 ln 2.
 */
export function standardExponential(
  backend: Backend,
  shape: Shape,
  seed: number | undefined,
  purpose: Purpose,
): Tensor {
  const coarse = uniform(backend, shape, seed, purpose, 0);
  const fine = uniform(backend, shape, seed, purpose, 1);
  const u = minimum(add(coarse, mul(fine, 2 ** -24)), 1 - 2 ** -24);
  return maximum(neg(log1p(neg(u))), 2 ** -60);
}
