// LeNet-5 learns twenty digits by heart, with dropout: fifty steps, whose losses it prints. Only the next line names a backend.
import { open } from "@weft/tensor-cpu";
import { flatten, relu } from "@weft/tensor";
import { Chain, Conv, crossEntropy, Dropout, Linear, MaxPool, seed } from "@weft/nn";
import { adam, minimize } from "@weft/optim";
import { digits, minibatch, ncycle } from "@weft/data";

const backend = await open({ seed: 1 });
seed(1);
const model = Chain(
  Conv({ in: 1, out: 6, kernel: 5 }),
  relu,
  MaxPool(2),
  Conv({ in: 6, out: 16, kernel: 5 }),
  relu,
  MaxPool(2),
  flatten,
  Dropout(0.2),
  Linear(256, 120),
  relu,
  Dropout(0.2),
  Linear(120, 84),
  relu,
  Linear(84, 10),
);
const { train } = digits({ train: 20, test: 1 });
const batches = minibatch(train, 4, { backend, shuffle: true, seed: 1 });
const steps = minimize((x, y) => crossEntropy(model(x), y), ncycle(batches, 10), adam({ lr: 0.003 }));

const losses: number[] = [];
for await (const loss of steps) losses.push(await loss.item());
console.log(JSON.stringify({ backend: backend.name, losses }));
