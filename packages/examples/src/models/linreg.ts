// Linear regression by hand: a model is a function, a parameter is a box, a training step is three lines.
import { diff, param, scope } from "@weft/autograd";
import { add, matmul, mul, sub, type Backend, type Creation, type Tensor } from "@weft/tensor";
import { mse } from "@weft/nn";
import { housing, type HostArray, type Regression } from "@weft/data";
import type { Learner, Program } from "../program.ts";
import { regressionSections } from "../report/regression.ts";

/** Predicts what homes in Boston cost from 13 numbers about their districts. */
export const linreg: Program = {
  title: "Linear regression",
  about: "what homes in Boston cost, by hand: boxes instead of layers",
  time: "4 s",
  reaches: "a mean squared error of 21.8948, the least there is",
  epochs: 10_000, // of one step each, with all of the data
  every: 1000,
  quick: {},
  start: async ({ backend }) => fitted(await housing({ standardize: true }), backend),
};

/**
 * Fits y = x w + b to data `[N, features]` and targets `[N, 1]`: gradient descent on the mean squared error, with all
 * of the data in each step.
 */
export function fitted({ inputs, targets }: Regression, { tensor, randn, zeros }: Backend & Creation, lr = 0.1) {
  const upload = ({ data, shape }: HostArray) => tensor(data, { shape });
  const [x, y] = [upload(inputs), upload(targets)];

  const weight = param(randn([x.shape[1]!, 1], { std: 0.1 }));
  const bias = param(zeros([1]));
  const predict = (x: Tensor) => add(matmul(x, weight), bias);

  const step = (): Promise<number> =>
    scope(() => {
      const tape = diff(() => mse(predict(x), y));
      for (const p of tape.params) p.value = sub(p.value, mul(tape.grad(p), lr));
      return tape.value.item();
    });
  return {
    from: `${x.shape[0]} districts of housing`,
    model: { weight, bias },
    async *epoch() {
      yield await step();
    },
    evaluate: async () => ({ meanSquaredError: await scope(() => mse(predict(x), y).item()) }),
    async sections() {
      const predictions = await scope(() => predict(x).data());
      return regressionSections({ truth: targets.data, predictions, unit: "thousands of dollars" });
    },
  } satisfies Learner;
}
