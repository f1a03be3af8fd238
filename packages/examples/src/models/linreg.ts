// Linear regression by hand: a model is a function, a parameter is a box, a training step is three lines.
import { diff, param, scope } from "@weft/autograd";
import { add, matmul, mul, sub, type Backend, type Creation, type Tensor } from "@weft/tensor";
import { mse } from "@weft/nn";
import type { HostArray, Regression, Signal } from "@weft/data";
import { turns } from "../turns.ts";

export interface LinregOptions {
  readonly steps?: number;
  readonly lr?: number;
  /** Ends training early. */
  readonly signal?: Signal;
}

/**
 * Fits y = x w + b to data `[N, features]` and targets `[N, 1]`: gradient descent on the mean squared error, with all
 * of the data in each step.
 *
 * @example
 * const { losses, predict } = await linreg(await housing({ standardize: true }), await open());
 */
export async function linreg(
  { inputs, targets }: Regression,
  { tensor, randn, zeros }: Backend & Creation,
  { steps = 10_000, lr = 0.1, signal }: LinregOptions = {},
) {
  const upload = ({ data, shape }: HostArray) => tensor(data, { shape });
  const [x, y] = [upload(inputs), upload(targets)];

  const weight = param(randn([x.shape[1]!, 1], { std: 0.1 }));
  const bias = param(zeros([1]));
  const predict = (x: Tensor) => add(matmul(x, weight), bias);

  const losses: number[] = [];
  const turn = turns();
  for (let step = 0; step < steps && signal?.aborted !== true; step++) {
    await turn();
    const loss = await scope(() => {
      const tape = diff(() => mse(predict(x), y));
      for (const p of tape.params) p.value = sub(p.value, mul(tape.grad(p), lr));
      return tape.value.item();
    });
    losses.push(loss);
  }
  return {
    losses,
    /** The mean squared error after training. */
    error: await scope(() => mse(predict(x), y).item()),
    /** The model's predictions for the data, `[N]`. */
    predictions: await scope(() => predict(x).data()),
    model: { weight, bias },
    predict,
  };
}
