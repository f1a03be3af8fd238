// Short trainings from fixed seeds, with the loss of every step: the same wherever they run.
import { BatchNorm, Chain, Conv, crossEntropy, Dropout, Embedding, GRU, Linear, LSTM, MaxPool, seed } from "@weft/nn";
import { adam, minimize, momentum } from "@weft/optim";
import { flatten, gelu, relu, reshape, type Creation, type Tensor } from "@weft/tensor";
import { open as openCpu } from "@weft/tensor-cpu";

/** How a backend is opened. */
export type Open = (options: { readonly seed: number }) => Promise<Creation>;

/** The loss of every step. */
async function losses(steps: AsyncIterable<Tensor>): Promise<number[]> {
  const list: number[] = [];
  for await (const loss of steps) list.push(await loss.item());
  return list;
}

const labels = (n: number, classes: number): Int32Array => Int32Array.from({ length: n }, (_, i) => (i * i) % classes);

/** A multi-layer perceptron on 32 fixed points, by Adam. */
export async function mlp(open: Open = openCpu): Promise<number[]> {
  const { tensor, randn } = await open({ seed: 1 });
  seed(1);
  const [x, y] = [randn([32, 20]), tensor(labels(32, 7))];
  const model = Chain(Linear(20, 48), relu, Linear(48, 7));
  const data = Array.from({ length: 120 }, () => [x, y] as const);
  return losses(minimize((a, b) => crossEntropy(model(a), b), data, adam({ lr: 0.01 })));
}

/** Convolution, moments, masks and a learning-rate schedule. */
export async function convolutional(open: Open = openCpu): Promise<number[]> {
  const { tensor, randn } = await open({ seed: 2 });
  seed(2);
  const [x, y] = [randn([16, 1, 12, 12]), tensor(labels(16, 5))];
  const body = Chain(Conv({ in: 1, out: 6, kernel: 3 }), BatchNorm(6), gelu, MaxPool(2), flatten);
  const model = Chain(body, Dropout(0.3), Linear(150, 5));
  const data = Array.from({ length: 25 }, () => [x, y] as const);
  const optimizer = momentum({ lr: (t) => 0.05 / (1 + t / 10) });
  return losses(minimize((a, b) => crossEntropy(model(a), b), data, optimizer));
}

/** Rows of an embedding, a recurrent layer over sequences of changing length, clipped gradients. */
const recurrentWith =
  (layer: typeof LSTM | typeof GRU) =>
  async (open: Open = openCpu): Promise<number[]> => {
    const { tensor } = await open({ seed: 3 });
    seed(3);
    const [words, rnn, top] = [Embedding(30, 8), layer({ in: 8, hidden: 12 }), Linear(12, 30)];
    const data = Array.from({ length: 25 }, (_, i) => {
      const text = Int32Array.from({ length: 4 * (3 + (i % 5)) }, (_, k) => (i * 7 + k * 11) % 30);
      return [tensor(text, { shape: [text.length / 4, 4] })] as const;
    });
    const loss = (x: Tensor): Tensor => {
      const scores = top(rnn(words(x)));
      return crossEntropy(reshape(scores, [-1, 30]), reshape(x, [-1]));
    };
    return losses(minimize(loss, data, adam({ lr: 0.01, gclip: 1 })));
  };

export const recurrent = recurrentWith(LSTM);
export const gated = recurrentWith(GRU);
