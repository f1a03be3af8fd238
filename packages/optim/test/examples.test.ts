// The examples of the sources are true.
import { diff } from "@weft/autograd";
import { cycle } from "@weft/data";
import { Linear, crossEntropy, mse, params } from "@weft/nn";
import * as optim from "@weft/optim";
import { matmul, mean, square, type Tensor } from "@weft/tensor";
import { testExamples } from "../../../test/examples.ts";

testExamples({
  name: "optim",
  atLeast: 20,
  around: ({ randn }) => {
    const model = Linear(3, 1);
    const x = randn([4, 3]);
    const f = (rows: Tensor) => mean(square(model(rows)));
    const tape = diff(() => f(x));
    return {
      ...optim,
      batches: [[x, randn([4, 1])]],
      crossEntropy,
      cycle,
      data: [x, x],
      f,
      frozen: model.bias,
      loss: () => f(x),
      matmul,
      model,
      mse,
      params,
      sumOverMachines: async (gradients: readonly optim.Gradient[]) => gradients,
      tape,
      x,
      y: randn([4, 1]),
    };
  },
});
