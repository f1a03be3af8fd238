// What is trained: models with their inputs, sizes and optimizers, for any backend. The CPU and GPU tables measure the
// same tasks.
import { diff } from "@weft/autograd";
import { Chain, Conv, crossEntropy, Dropout, Embedding, GRU, Linear, LSTM, MaxPool, mse, seed } from "@weft/nn";
import { GPT, gptLoss } from "@weft/examples";
import { adam, adamw, momentum, sgd, type Optimizer } from "@weft/optim";
import { flatten, relu, reshape, slice, type Creation, type Tensor } from "@weft/tensor";

/** Records the work once and returns what must be computed and stored. */
export type Work = () => unknown;

export interface Task {
  readonly name: string;
  /** A short description of one step. */
  readonly what: string;
  /** Makes the inputs and the model. Returns the work of a step: forward, backward, update; its result is the loss. */
  work(backend: Creation): () => Tensor;
}

const optimizers = {
  sgd: () => sgd({ lr: 0.01 }),
  adam: () => adam({ lr: 0.001 }),
  momentum: () => momentum({ gamma: 0.9, lr: 0.01 }),
};
type Rule = keyof typeof optimizers;
const titles: Record<Rule, string> = { sgd: "SGD", adam: "Adam", momentum: "SGD with momentum" };

const trained = (optimizer: Optimizer, loss: () => Tensor) => (): Tensor => {
  const tape = diff(loss);
  optimizer.update(tape);
  return tape.value;
};

const classes = 10;

const classifier = (
  name: string,
  what: string,
  rule: Rule,
  batch: number,
  shape: readonly number[],
  build: () => (x: Tensor) => Tensor,
): Task => ({
  name: `${name}-${rule}`,
  what: `${what}, batch ${batch}, ${titles[rule]}`,
  work({ randn, randint }) {
    seed(1);
    const model = build();
    const x = randn([batch, ...shape]);
    const y = randint([batch], { high: classes });
    return trained(optimizers[rule](), () => crossEntropy(model(x), y));
  },
});

export const mlp = () => Chain(Linear(784, 64), relu, Linear(64, classes));
export const lenet = () =>
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
const vgg = () =>
  Chain(
    Conv({ in: 3, out: 50, kernel: 3, padding: 1 }),
    relu,
    Conv({ in: 50, out: 50, kernel: 3, padding: 1 }),
    MaxPool(2),
    relu,
    Dropout(0.25),
    Conv({ in: 50, out: 100, kernel: 3, padding: 1 }),
    relu,
    Conv({ in: 100, out: 100, kernel: 3, padding: 1 }),
    MaxPool(2),
    relu,
    Dropout(0.25),
    flatten,
    Linear(6400, 512),
    relu,
    Dropout(0.5),
    Linear(512, classes),
  );

const linreg: Task = {
  name: "linreg-sgd",
  what: "linear regression 506×13, whole batch, SGD",
  work({ randn }) {
    seed(1);
    const model = Linear(13, 1);
    const x = randn([506, 13]);
    const y = randn([506, 1]);
    return trained(optimizers.sgd(), () => mse(model(x), y));
  },
};

const characters = { vocabulary: 80, units: 256, steps: 100, rows: 128 };
const charlm: Task = {
  name: "charlm-adam",
  what: "characters: embedding 256, LSTM 256, 80 classes, 100 steps, batch 128, Adam",
  work({ randint }) {
    seed(1);
    const { vocabulary, units, steps, rows } = characters;
    const embed = Embedding(vocabulary, units);
    const rnn = LSTM({ in: units, hidden: units });
    const output = Linear(units, vocabulary);
    const x = randint([steps, rows], { high: vocabulary });
    const y = randint([steps * rows], { high: vocabulary });
    return trained(optimizers.adam(), () => crossEntropy(output(rnn(embed(x)).reshape([steps * rows, units])), y));
  },
};

const reviews = { vocabulary: 30_000, features: 125, units: 100, steps: 150, rows: 64 };
const sentiment: Task = {
  name: "gru-adam",
  what: "reviews: embedding 125 of 30,000 words, GRU 100, 2 classes, 150 steps, batch 64, Adam",
  work({ randint }) {
    seed(1);
    const { vocabulary, features, units, steps, rows } = reviews;
    const embed = Embedding(vocabulary, features);
    const rnn = GRU({ in: features, hidden: units });
    const output = Linear(units, 2);
    const x = randint([steps, rows], { high: vocabulary });
    const y = randint([rows], { high: 2 });
    const last = (h: Tensor): Tensor => reshape(slice(h, { starts: [steps - 1] }), [rows, units]);
    return trained(optimizers.adam(), () => crossEntropy(output(last(rnn(embed(x)))), y));
  },
};

const text = { tokens: 65, rows: 2 };
const network = { layers: 6, heads: 6, features: 384, length: 256, dropout: 0 };
const gpt: Task = {
  name: "gpt-adamw",
  what: "GPT of 6 layers, 6 heads, 384 features, 2 × 256 tokens, AdamW",
  work({ randint }) {
    seed(1);
    const model = GPT(text.tokens, network);
    const [x, y] = [0, 0].map(() => randint([text.rows, network.length], { high: text.tokens }));
    return trained(adamw({ lr: 0.001 }), () => gptLoss(model(x!), y!));
  },
};

const all: readonly Task[] = [
  linreg,
  classifier("softmax", "softmax regression 784-10", "sgd", 100, [784], () => Linear(784, classes)),
  classifier("mlp", "perceptron 784-64-10", "sgd", 100, [784], mlp),
  classifier("mlp", "perceptron 784-64-10", "adam", 100, [784], mlp),
  classifier("lenet", "LeNet", "sgd", 100, [1, 28, 28], lenet),
  classifier("lenet", "LeNet", "adam", 100, [1, 28, 28], lenet),
  charlm,
  sentiment,
  gpt,
  classifier("vgg", "small VGG on 32×32", "momentum", 64, [3, 32, 32], vgg),
];

export function task(name: string): Task {
  const found = all.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no task ${name}`);
  return found;
}
