// LeNet, the convolutional network that learned to read checks (LeCun et al. 1998), in its tutorial form: two
// convolutions find small patterns and patterns of those, and two linear layers classify them.
import { flatten, relu } from "@weft/tensor";
import { Chain, Conv, Linear, MaxPool, xavier, zeros } from "@weft/nn";

const start = { init: xavier(), biasInit: zeros() };

/** From pictures `[N, 1, 28, 28]` to the logits of the digits `[N, 10]`. Its loss is `crossEntropy`. */
export const LeNet = () =>
  Chain(
    Conv({ in: 1, out: 20, kernel: 5, ...start }), // [N, 20, 24, 24]
    relu,
    MaxPool(2), // [N, 20, 12, 12]
    Conv({ in: 20, out: 50, kernel: 5, ...start }), // [N, 50, 8, 8]
    relu,
    MaxPool(2), // [N, 50, 4, 4]
    flatten, // [N, 800]
    Linear(800, 500, start),
    relu,
    Linear(500, 10, start),
  );
