// Linear regression on the homes of Boston: all of the data in each step.
import { scope, type Backend, type Creation } from "@weft/tensor";
import { mse } from "@weft/nn";
import { housing, type HostArray, type Regression } from "@weft/data";
import { LinearRegression } from "../models/linreg.ts";
import { program, type Learner, type Program } from "../program.ts";
import { regressionSections } from "../report/regression.ts";

/** Predicts what homes in Boston cost from 13 numbers about their districts. */
export const linreg: Program = program({
  title: "Linear regression",
  source: "Housing",
  about: "what homes in Boston cost, by hand: boxes instead of layers",
  time: "4 s",
  reaches: "a mean squared error of 21.8948, the least there is",
  epochs: 10_000, // of one step each, with all of the data
  every: 1000,
  quick: {},
  start: async ({ backend }) => learner(await housing({ standardize: true }), backend),
});

/** Fits data `[N, features]` to targets `[N, 1]`. */
export function learner({ inputs, targets }: Regression, backend: Backend & Creation, lr = 0.1) {
  const upload = ({ data, shape }: HostArray) => backend.tensor(data, { shape });
  const [x, y] = [upload(inputs), upload(targets)];
  const { weight, bias, predict, descend } = LinearRegression(x.shape[1]!, backend);
  /** How many steps of this epoch were taken, of one. */
  const taken = { now: 0 };
  return {
    from: `${x.shape[0]} districts of housing`,
    model: { weight, bias },
    state: { taken },
    async *epoch() {
      if (taken.now++ === 0) {
        const loss = descend(x, y, lr);
        try {
          yield loss;
        } finally {
          loss.release();
        }
      }
      taken.now = 0;
    },
    evaluate: async () => ({ meanSquaredError: await scope(() => mse(predict(x), y).item()) }),
    async sections() {
      const predictions = await scope(() => predict(x).data());
      return regressionSections({ truth: targets.data, predictions, unit: "thousands of dollars" });
    },
  } satisfies Learner;
}
