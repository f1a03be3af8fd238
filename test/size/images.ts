// A program with a few of the functions: only they are in its bundle.
import { Conv, groupNorm, MaxPool, crossEntropy } from "@weft/nn";
import { flatten, interpolate, type Tensor } from "@weft/tensor";

const conv = Conv({ in: 3, out: 4, kernel: 3 });
const pool = MaxPool(2);
export const loss = (images: Tensor, labels: Tensor): Tensor =>
  crossEntropy(flatten(groupNorm(pool(conv(interpolate(images, { size: 8 }))), 2)), labels);
