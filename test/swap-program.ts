// LeNet with dropout for fifty steps, and the loss of each. On another backend it runs with its first import replaced, and
// nothing else. (Adam divides by the size of gradients, so that rounding grows a hundred thousandfold in its first steps; with
// momentum the losses stay together.)
import { open } from "@weft/tensor-cpu";
import { digits, minibatch } from "@weft/data";
import { Chain, Conv, crossEntropy, Dropout, Linear, MaxPool, seed } from "@weft/nn";
import { minimize, momentum } from "@weft/optim";
import { flatten, relu } from "@weft/tensor";

const backend = await open({ seed: 7 });
seed(7);
const model = Chain(
  Conv({ in: 1, out: 6, kernel: 5 }),
  relu,
  MaxPool(2),
  Conv({ in: 6, out: 16, kernel: 5 }),
  relu,
  MaxPool(2),
  flatten,
  Linear(256, 84),
  relu,
  Dropout(0.25),
  Linear(84, 10),
);
const { train } = digits({ train: 1000, test: 1 });
const batches = minibatch(train, 20, { backend, shuffle: true, seed: 7 });
const losses: number[] = [];
const steps = minimize((x, y) => crossEntropy(model(x), y), batches, momentum({ lr: 0.1, gamma: 0.9 }));
for await (const loss of steps) losses.push(await loss.item());
console.log(JSON.stringify(losses));
