// The square root of what may be 0, such as a sum of squares, with a gradient there.
import { less, mul, sqrt, where } from "./elementwise.ts";
import type { Tensor } from "./tensor.ts";

/** √x for x ≥ 0, whose gradient at 0 is 0 instead of infinity. */
export function sqrtZeroSafe(x: Tensor): Tensor {
  const positive = less(0, x);
  return where(positive, sqrt(where(positive, x, 1)), mul(x, 0));
}
