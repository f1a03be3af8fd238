// A multilayer perceptron: one hidden layer of 64 units between pixels and logits.
import { flatten, relu } from "@weft/tensor";
import { Chain, Linear, normal, zeros } from "@weft/nn";

const start = { init: normal({ std: 0.1 }), biasInit: zeros() };

/** 784 → 64 → 10: from pictures `[N, 1, 28, 28]` to the logits of the digits `[N, 10]`. Its loss is `crossEntropy`. */
export const MLP = () => Chain(flatten, Linear(784, 64, start), relu, Linear(64, 10, start));
