// Size fixture: a whole program that trains a two-layer perceptron on the CPU with the seven lines of the README.
import { relu } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { Chain, Linear, crossEntropy } from "@weft/nn";
import { adam, minimize } from "@weft/optim";
import { minibatch } from "@weft/data";

export async function train(images: Float32Array, labels: Int32Array): Promise<number> {
  const backend = await open();
  const x = backend.tensor(images, { shape: [labels.length, 784] });
  const y = backend.tensor(labels, { dtype: "i32" });
  const model = Chain(Linear(784, 64), relu, Linear(64, 10));
  const batches = minibatch([x, y], 100, { backend, shuffle: true, seed: 1 });
  let last = 0;
  for await (const loss of minimize((a, b) => crossEntropy(model(a), b), batches, adam())) last = await loss.item();
  return last;
}
