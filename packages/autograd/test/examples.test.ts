// The examples of the sources and of the README are true.
import * as autograd from "@weft/autograd";
import { Linear, crossEntropy, fromBytes, toBytes } from "@weft/nn";
import { add, mul, type Tensor } from "@weft/tensor";
import { testExamples } from "../../../test/examples.ts";

testExamples({
  name: "autograd",
  atLeast: 26, // those of its guide are cells
  readme: (code) => !code.startsWith("mul:"), // a line of the table of rules
  around: (backend) => {
    const { tensor, randn } = backend;
    const p = autograd.param(tensor([1, 2]));
    return {
      Linear,
      crossEntropy,
      fromBytes,
      layer1: (x: Tensor) => mul(x, p),
      layer2: (x: Tensor) => add(x, p),
      model: (x: Tensor) => mul(x, p),
      open: async () => backend,
      p,
      toBytes,
      rows: new autograd.RowSparse(tensor([0, 0], { dtype: "i32" }), randn([2, 3]), [4, 3]),
      w: autograd.param(randn([2, 64])),
      x: tensor([[3, 4]]),
      y: tensor([1], { dtype: "i32" }),
    };
  },
});
