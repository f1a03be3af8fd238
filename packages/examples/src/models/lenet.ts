// LeNet, the convolutional network that learned to read checks (LeCun et al. 1998), in its tutorial form: two
// convolutions find small patterns and patterns of those, and two linear layers classify them.
import { flatten, relu } from "@weft/tensor";
import { Chain, Conv, Linear, MaxPool, xavier, zeros } from "@weft/nn";
import { adam, sgd } from "@weft/optim";
import type { Recipe } from "../recipe.ts";

const start = { init: xavier(), biasInit: zeros() };

/** Two convolutions of 5 × 5 with 20 and 50 channels, then 800 → 500 → 10. */
export const lenet: Recipe = {
  title: "LeNet",
  about: "digits, with two convolutions and two linear layers",
  time: "25 s; 2.5 min on MNIST",
  reaches: "a test accuracy of 99 % on digits and on MNIST",
  quick: { limit: 10_000 },
  options: { optimizer: { value: "name", about: "how it learns (sgd)", choices: ["sgd", "adam"] } },
  model: () =>
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
    ),
  optimizer: ({ optimizer } = {}) => (optimizer === "adam" ? adam() : sgd({ lr: 0.1 })),
  epochs: 5,
};
