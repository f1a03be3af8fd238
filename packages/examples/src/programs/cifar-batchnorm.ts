// The network with batch normalization on CIFAR-10.
import { momentum } from "@weft/optim";
import { classifier } from "../images/classifier.ts";
import { BatchNormCNN } from "../models/cifar-batchnorm.ts";

export const cifarBatchnorm = classifier({
  title: "Batch normalization",
  about: "ten kinds of things in color pictures, with three normalized convolutions",
  time: "80 s",
  reaches: "a test accuracy of 72 to 73%",
  least: 2,
  quick: { epochs: 1, limit: 25_000 },
  data: ["cifar10"],
  batchSize: 64,
  model: BatchNormCNN,
  optimizer: () => momentum({ lr: 0.1, gamma: 0.9 }),
  epochs: 10,
});
