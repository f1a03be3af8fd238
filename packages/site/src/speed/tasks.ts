// What the speed test times: work of a known size, as a user of Weft would write it.
import { flatten, matmul, relu, type Backend, type Creation, type Tensor } from "@weft/tensor";
import { param, scope } from "@weft/autograd";
import { Chain, Conv, crossEntropy, Linear, MaxPool } from "@weft/nn";
import { minimize, sgd } from "@weft/optim";
import type { TaskName } from "./task-titles.ts";

export type Device = Backend & Creation;

/** Does something so many times, and resolves when the device has done it, with one number that is read at the end. */
export type Block = (times: number) => Promise<number>;

interface Task {
  /** How many of its units one run is. */
  readonly amount: number;
  readonly work: (device: Device) => Block;
}

const SIZE = 1024;
const BATCH = 100;

/** y ← a·y again and again. `a` is a reflection, I − 2vvᵀ/|v|², so that y keeps its size however often that is. */
const products = ({ eye, randn }: Device): Block => {
  const v = randn([SIZE, 1], { seed: 1 });
  const a = eye(SIZE).sub(
    v
      .mul(v.reshape([1, SIZE]))
      .mul(2)
      .div(v.mul(v).sum()),
  );
  const y = param(randn([SIZE, SIZE], { seed: 2 }));
  return (times) => {
    for (let i = 0; i < times; i++)
      scope(() => {
        y.value = matmul(a, y.value);
      });
    return y.value.slice({ ends: [1, 1] }).item();
  };
};

const training =
  (layers: () => (x: Tensor) => Tensor) =>
  ({ rand, tensor }: Device): Block => {
    const model = layers();
    const x = rand([BATCH, 1, 28, 28], { seed: 1 });
    const y = tensor(Int32Array.from({ length: BATCH }, (_, i) => i % 10));
    const optimizer = sgd({ lr: 0.01 });
    return async (times) => {
      const batches = Array.from({ length: times }, () => [x, y] as const);
      const loss = await minimize((x: Tensor, y: Tensor) => crossEntropy(model(x), y), batches, optimizer);
      return (await loss?.item()) ?? Number.NaN;
    };
  };

export const tasks: Readonly<Record<TaskName, Task>> = {
  product: { amount: (2 * SIZE ** 3) / 1e9, work: products },
  mlp: { amount: 1, work: training(() => Chain(flatten, Linear(784, 64), relu, Linear(64, 10))) },
  lenet: {
    amount: 1,
    work: training(() => {
      const convolutions = Chain(
        Conv({ in: 1, out: 20, kernel: 5 }),
        relu,
        MaxPool(2),
        Conv({ in: 20, out: 50, kernel: 5 }),
      );
      return Chain(convolutions, relu, MaxPool(2), flatten, Linear(800, 500), relu, Linear(500, 10));
    }),
  },
};
