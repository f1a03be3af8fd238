// Linear regression on the homes of Boston: all of the data in each step.
import { scope, type Backend, type Creation } from "@weft/tensor";
import { mse } from "@weft/nn";
import { housing, type HostArray, type Regression } from "@weft/data";
import { LinearRegression } from "../models/linreg.ts";
import { ofLength, program, type Learner, type Program } from "../training/program.ts";
import { regressionSections } from "../report/regression.ts";

/** Predicts what homes in Boston cost from 13 numbers about their districts. */
export const linreg: Program = program({
  title: "Linear regression",
  source: "Housing",
  about: "what homes in Boston cost, by hand: boxes instead of layers",
  time: "3 s",
  reaches: "a mean squared error of 21.8948, the least there is",
  epochs: 10, // of 1,000 steps each
  quick: {},
  start: async ({ backend }) => learner(await housing({ standardize: true }), backend),
});

/** Fits data `[N, features]` to targets `[N, 1]`, in epochs of so many steps, each of which reads all of the data. */
export function learner({ inputs, targets }: Regression, backend: Backend & Creation, { lr = 0.1, steps = 1000 } = {}) {
  const upload = ({ data, shape }: HostArray) => backend.tensor(data, { shape });
  const [x, y] = [upload(inputs), upload(targets)];
  const { weight, bias, predict, descend } = LinearRegression(x.shape[1]!, backend);
  /** How many steps of this epoch were taken. */
  const taken = { now: 0 };
  async function* rest() {
    while (taken.now < steps) {
      taken.now++;
      const loss = descend(x, y, lr);
      try {
        yield loss;
      } finally {
        loss.release();
      }
    }
    taken.now = 0;
  }
  return {
    from: `${x.shape[0]} districts of housing`,
    model: { weight, bias },
    state: { taken },
    fullBatch: true,
    epoch: () => ofLength(steps - taken.now, rest()),
    evaluate: async () => ({ meanSquaredError: await scope(() => mse(predict(x), y).item()) }),
    async sections() {
      const predictions = await scope(() => predict(x).data());
      return regressionSections({ truth: targets.data, predictions, unit: "thousands of dollars" });
    },
  } satisfies Learner;
}
