// The root of squares of gradients, which may be 0.
import { sqrt, type Tensor } from "@weft/tensor";
import { sqrtZeroSafe } from "@weft/tensor/internals";

/**
 * √x of a sum of squares. Where it is differentiated, its slope at 0 is 0: that of √g², and not that of √, which is
 * infinite. Elsewhere it is the plain root, one operation of the step.
 */
export const root = (x: Tensor): Tensor => (x.interpreter.level === 0 ? sqrt(x) : sqrtZeroSafe(x));
