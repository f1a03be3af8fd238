// Normally distributed numbers far from the mean, where the distribution function is 1 to all digits of a float.

import { add, div, expm1, log, log1p, mul, neg, sqrt, sub } from "../elementwise.ts";
import { erfcx } from "../special/erfc.ts";
import { filled } from "../filled.ts";
import type { Tensor } from "../tensor.ts";

/** Beyond it the distances are 0 to all digits of a float. */
const FARTHEST = 1e18;
/** From the first guess, so many steps give all digits of `f32`. */
const STEPS = 3;

/**
 * How far standard normal numbers between `least` > 0 and `least` + `width` are from `least`, from even numbers u in
 * [0, 1). It is the d at which the part of the tail beyond, erfc(x/√2) in proportion to that at `least`, is v = 1 − u(1 − r),
 * r being the part beyond the upper bound. With E(x) = e^(x²/2) erfc(x/√2), that is
 * log E(least + d) − log E(least) − d(2 least + d)/2 = log v, which Newton's method solves.
 */
export function tail(u: Tensor, least: number, width: number): Tensor {
  const a = Math.min(least, FARTHEST);
  const scaled = (d: Tensor): Tensor => erfcx(div(add(d, a), Math.SQRT2));
  const constant = (x: number): Tensor => filled(u, x, [], "f32");
  const first = scaled(constant(0));
  const logRest = sub(log(div(scaled(constant(width)), first)), (width * (2 * a + width)) / 2);
  const size = neg(log1p(mul(u, expm1(logRest)))); // −log v
  let d = div(mul(size, 2), add(sqrt(add(mul(size, 2), a * a)), a));
  for (let i = 0; i < STEPS; i++) {
    const here = scaled(d);
    const off = sub(sub(mul(d, add(mul(d, 0.5), a)), log(div(here, first))), size);
    d = sub(d, mul(mul(off, here), Math.sqrt(Math.PI / 2)));
  }
  return d;
}
