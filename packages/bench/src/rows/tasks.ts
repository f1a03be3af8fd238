// What is trained: the models of the examples with inputs, sizes and optimizers, for any backend. The CPU and GPU tables
// measure the same tasks; PyTorch's side is pytorch/tasks.py.
import { diff } from "@weft/autograd";
import {
  GPT,
  gptLoss,
  LanguageModel,
  languageModelLoss,
  LeNet,
  LinearRegression,
  MLP,
  sentimentLoss,
  SentimentGRU,
  SoftmaxRegression,
  VGG,
} from "@weft/examples";
import { crossEntropy, mse, seed } from "@weft/nn";
import { adam, adamw, momentum, sgd, type Optimizer } from "@weft/optim";
import type { Backend, Creation, Tensor } from "@weft/tensor";

/** Records the work once and returns what must be computed and stored. */
export type Work = () => unknown;

export interface Task {
  readonly name: string;
  /** A short description of one step. */
  readonly what: string;
  /** Makes the inputs and the model. */
  made(backend: Backend & Creation): Training;
}

interface Training {
  readonly model: object;
  /** The work of a step: forward, backward, update; its result is the loss. */
  readonly step: () => Tensor;
}

const optimizers = {
  sgd: () => sgd({ lr: 0.01 }),
  adam: () => adam({ lr: 0.001 }),
  momentum: () => momentum({ gamma: 0.9, lr: 0.01 }),
};
type Rule = keyof typeof optimizers;
const titles: Record<Rule, string> = { sgd: "SGD", adam: "Adam", momentum: "SGD with momentum" };

const trained = (model: object, optimizer: Optimizer, loss: () => Tensor): Training => ({
  model,
  step() {
    const tape = diff(loss);
    optimizer.update(tape);
    return tape.value;
  },
});

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
  made({ randn, randint }) {
    seed(1);
    const model = build();
    const x = randn([batch, ...shape]);
    const y = randint([batch], { high: classes });
    return trained(model, optimizers[rule](), () => crossEntropy(model(x), y));
  },
});

const linreg: Task = {
  name: "linreg-sgd",
  what: "linear regression 506×13, whole batch, SGD",
  made(backend) {
    const model = LinearRegression(13, backend);
    const x = backend.randn([506, 13]);
    const y = backend.randn([506, 1]);
    return trained(model, optimizers.sgd(), () => mse(model.predict(x), y));
  },
};

const characters = { vocabulary: 80, hidden: 256, steps: 100, rows: 128 };
const charlm: Task = {
  name: "charlm-adam",
  what: "characters: embedding 256, LSTM 256, 80 classes, 100 steps, batch 128, Adam",
  made({ randint }) {
    seed(1);
    const { vocabulary, hidden, steps, rows } = characters;
    const model = LanguageModel(vocabulary, { features: hidden, hidden });
    const x = randint([steps, rows], { high: vocabulary });
    const y = randint([steps * rows], { high: vocabulary });
    return trained(model, optimizers.adam(), () => languageModelLoss(model, x, y));
  },
};

const reviews = { vocabulary: 30_000, steps: 150, rows: 64 };
const sentiment: Task = {
  name: "gru-adam",
  what: "reviews: embedding 125 of 30,000 words, GRU 100, 2 classes, 150 steps, batch 64, Adam",
  made({ randint }) {
    seed(1);
    const { vocabulary, steps, rows } = reviews;
    const model = SentimentGRU(vocabulary);
    const x = randint([rows, steps], { high: vocabulary });
    const y = randint([rows], { high: 2 });
    return trained(model, optimizers.adam(), () => sentimentLoss(model, x, y));
  },
};

const text = { tokens: 65, rows: 2 };
const network = { layers: 6, heads: 6, features: 384, contextLength: 256, dropout: 0 };
const gpt: Task = {
  name: "gpt-adamw",
  what: "GPT of 6 layers, 6 heads, 384 features, 2 × 256 tokens, AdamW",
  made({ randint }) {
    seed(1);
    const model = GPT(text.tokens, network);
    const [x, y] = [0, 0].map(() => randint([text.rows, network.contextLength], { high: text.tokens }));
    return trained(model, adamw({ lr: 0.001 }), () => gptLoss(model, x!, y!));
  },
};

export const tasks: readonly Task[] = [
  linreg,
  classifier("softmax", "softmax regression 784-10", "sgd", 100, [1, 28, 28], SoftmaxRegression),
  classifier("mlp", "perceptron 784-64-10", "sgd", 100, [1, 28, 28], MLP),
  classifier("mlp", "perceptron 784-64-10", "adam", 100, [1, 28, 28], MLP),
  classifier("lenet", "LeNet", "sgd", 100, [1, 28, 28], LeNet),
  classifier("lenet", "LeNet", "adam", 100, [1, 28, 28], LeNet),
  charlm,
  sentiment,
  gpt,
  classifier("vgg", "small VGG on 32×32", "momentum", 64, [3, 32, 32], VGG),
];

export function task(name: string): Task {
  const found = tasks.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no task ${name}`);
  return found;
}
