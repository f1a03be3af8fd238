// LeNet-5 begins to learn digits, with dropout: fifty steps, whose losses it prints. Only the next line names a backend.
// (Momentum, since Adam divides by the size of gradients: its first steps amplify rounding a thousandfold and more.)
import { open } from "@weft/tensor-cpu";
import { flatten, relu } from "@weft/tensor";
import { Chain, Conv, crossEntropy, Dropout, Linear, MaxPool, seed } from "@weft/nn";
import { minimize, momentum } from "@weft/optim";
import { digits, minibatch } from "@weft/data";

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
const steps = minimize((x, y) => crossEntropy(model(x), y), batches, momentum({ lr: 0.1, gamma: 0.9 }));

const losses: number[] = [];
for await (const loss of steps) losses.push(await loss.item());
console.log(JSON.stringify({ backend: backend.name, losses }));
