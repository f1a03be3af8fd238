// A convolutional network in the style of VGG (Simonyan and Zisserman 2014): pairs of small convolutions, each pair
// followed by pooling and dropout. It is the network of the comparison of frameworks by I. Karmanov (2017).
import { flatten, relu } from "@weft/tensor";
import { Chain, Conv, Dropout, Linear, MaxPool, xavier, zeros } from "@weft/nn";

const start = { init: xavier(), biasInit: zeros() };
const conv = (inputs: number, outputs: number) => Conv({ in: inputs, out: outputs, kernel: 3, padding: 1, ...start });

/** From pictures `[N, 3, 32, 32]` to the logits of the classes `[N, 10]`. Its loss is `crossEntropy`. */
export const VGG = () =>
  Chain(
    conv(3, 50), // [N, 50, 32, 32]
    relu,
    conv(50, 50),
    MaxPool(2), // [N, 50, 16, 16]
    relu, // after pooling, where there is less to do: both orders give the same
    Dropout(0.25),
    conv(50, 100),
    relu,
    conv(100, 100),
    MaxPool(2), // [N, 100, 8, 8]
    relu,
    Dropout(0.25),
    flatten, // [N, 6400]
    Linear(6400, 512, start),
    relu,
    Dropout(0.5),
    Linear(512, 10, start),
  );
