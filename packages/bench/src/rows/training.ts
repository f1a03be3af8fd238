// Whole training steps: forward, backward, update, and the loss read. (PyTorch has it too, and does not read it.)
import { diff } from "@weft/autograd";
import { Chain, Conv, crossEntropy, Embedding, Linear, LSTM, MaxPool, mse, seed } from "@weft/nn";
import { adam, sgd, type Optimizer } from "@weft/optim";
import { flatten, relu, scope, type Tensor } from "@weft/tensor";
import type { Row, Step } from "./row.ts";

/** The inner scope ends the gradients, so that nothing asks for them after the update; the outer one still has the loss. */
const trained = (optimizer: Optimizer, loss: () => Tensor): Step => ({
  run() {
    scope(() => {
      const value = scope(() => {
        const tape = diff(loss);
        optimizer.update(tape);
        return tape.value;
      });
      return value.itemSync();
    });
  },
});

const optimizers = { sgd: () => sgd({ lr: 0.01 }), adam: () => adam({ lr: 0.001 }) };
type Rule = keyof typeof optimizers;

const classes = 10;
const batch = 100;

const mlp = () => Chain(Linear(784, 64), relu, Linear(64, classes));
const lenet = () =>
  Chain(
    Conv({ in: 1, out: 20, kernel: 5 }),
    relu,
    MaxPool(2),
    Conv({ in: 20, out: 50, kernel: 5 }),
    relu,
    MaxPool(2),
    flatten,
    Linear(800, 500),
    relu,
    Linear(500, classes),
  );

const classifier = (
  name: string,
  what: string,
  rule: Rule,
  timesPyTorch: number,
  shape: readonly number[],
  build: () => (x: Tensor) => Tensor,
): Row => ({
  name: `${name}-${rule}`,
  what: `${what}, batch ${batch}, ${rule === "sgd" ? "SGD" : "Adam"}`,
  unit: "ms",
  target: { timesPyTorch },
  weft({ randn, randint }) {
    seed(1);
    const model = build();
    const x = randn([batch, ...shape]);
    const y = randint([batch], { high: classes });
    return trained(optimizers[rule](), () => crossEntropy(model(x), y));
  },
});

const charlm = { vocabulary: 80, units: 256, steps: 100, rows: 128 };

export const training: readonly Row[] = [
  {
    name: "linreg-sgd",
    what: "linear regression 506×13, whole batch, SGD",
    unit: "ms",
    target: { timesPyTorch: 5 },
    weft({ randn }) {
      seed(1);
      const model = Linear(13, 1);
      const x = randn([506, 13]);
      const y = randn([506, 1]);
      return trained(optimizers.sgd(), () => mse(model(x), y));
    },
  },
  classifier("softmax", "softmax regression 784-10", "sgd", 1, [784], () => Linear(784, classes)),
  classifier("mlp", "perceptron 784-64-10", "sgd", 0.65, [784], mlp),
  classifier("mlp", "perceptron 784-64-10", "adam", 0.65, [784], mlp),
  classifier("lenet", "LeNet", "sgd", 0.6, [1, 28, 28], lenet),
  classifier("lenet", "LeNet", "adam", 0.6, [1, 28, 28], lenet),
  {
    name: "charlm-adam",
    what: "characters: embedding 256, LSTM 256, 80 classes, 100 steps, batch 128, Adam",
    unit: "ms",
    target: { timesPyTorch: 0.45 },
    weft({ randint }) {
      seed(1);
      const { vocabulary, units, steps, rows } = charlm;
      const embed = Embedding(vocabulary, units);
      const rnn = LSTM({ in: units, hidden: units });
      const output = Linear(units, vocabulary);
      const x = randint([steps, rows], { high: vocabulary });
      const y = randint([steps * rows], { high: vocabulary });
      return trained(optimizers.adam(), () => crossEntropy(output(rnn(embed(x)).reshape([steps * rows, units])), y));
    },
  },
];
