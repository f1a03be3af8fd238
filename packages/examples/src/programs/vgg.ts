// The network in the style of VGG on CIFAR-10.
import { momentum } from "@weft/optim";
import { classifier } from "../images/classifier.ts";
import { VGG } from "../models/vgg.ts";

export const vgg = classifier({
  title: "VGG",
  about: "ten kinds of things in color pictures, with four convolutions",
  time: "14 min",
  reaches: "a test accuracy of 77.7%",
  quick: { epochs: 1, limit: 3000 },
  data: ["cifar10"],
  batchSize: 64,
  model: VGG,
  optimizer: () => momentum({ lr: 0.01, gamma: 0.9 }),
  epochs: 10,
});
