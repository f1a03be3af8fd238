// A multilayer perceptron: one hidden layer of 64 units between pixels and scores.
import { flatten, relu } from "@weft/tensor";
import { Chain, Linear, normal, zeros } from "@weft/nn";
import { sgd } from "@weft/optim";
import type { Recipe } from "../recipe.ts";

const start = { init: normal({ std: 0.1 }), biasInit: zeros() };

/** 784 → 64 → 10, with plain gradient descent. */
export const mlp: Recipe = {
  title: "Multilayer perceptron",
  about: "digits, with one hidden layer of 64 units",
  time: "5 s",
  reaches: "a test accuracy of 97 % on MNIST",
  quick: {},
  shuffle: false,
  model: () => Chain(flatten, Linear(784, 64, start), relu, Linear(64, 10, start)),
  optimizer: () => sgd({ lr: 0.5 }),
  epochs: 10,
};
