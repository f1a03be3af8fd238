// Softmax regression: the logit of a class is a weighted sum of the pixels. It reaches at most about 92% on MNIST.
import { flatten } from "@weft/tensor";
import { Chain, Linear, normal, zeros } from "@weft/nn";

/** 784 → 10: from pictures `[N, 1, 28, 28]` to the logits of the digits `[N, 10]`. Its loss is `crossEntropy`. */
export const SoftmaxRegression = () =>
  Chain(flatten, Linear(784, 10, { init: normal({ std: 0.1 }), biasInit: zeros() }));
