// A model with most kinds of layers learns for three steps and shows what it learned with: run where a platform forbids something.
import { diff } from "@weft/autograd";
import { minibatch } from "@weft/data";
import {
  BatchNorm,
  Chain,
  Conv,
  crossEntropy,
  Dropout,
  fromBytes,
  Linear,
  LSTM,
  params,
  seed,
  summary,
  toBytes,
} from "@weft/nn";
import { adam, minimize } from "@weft/optim";
import { add, flatten, relu, take } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";

const backend = await open({ seed: 1 });
seed(1);
const build = () => Chain(Conv({ in: 1, out: 2, kernel: 3 }), BatchNorm(2), relu, flatten, Dropout(0.1), Linear(8, 3));
const model = build();
const images = backend.rand([6, 1, 4, 4]);
const labels = backend.tensor([0, 1, 2, 0, 1, 2], { dtype: "i32" });
const losses: number[] = [];
const batches = minibatch([images, labels], 2, { backend });
for await (const loss of minimize((x, y) => crossEntropy(model(x), y), batches, adam())) losses.push(await loss.item());

const recurrent = LSTM({ in: 3, hidden: 2 });
const tape = diff(() => add(take(recurrent(backend.ones([2, 1, 3])), 0).sum(), 1));
const copy = fromBytes(await toBytes(model), build());
console.log(losses.length, losses.every(Number.isFinite), tape.params.length, params(copy).length);
console.log(String(images), `${params(model)[0]}`, summary(model));
