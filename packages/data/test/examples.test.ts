// The examples of the sources are true. What would be downloaded is made here.
import * as data from "@weft/data";
import { adam, minimize } from "@weft/optim";
import { Linear, mse } from "@weft/nn";
import { testExamples } from "../../../test/examples.ts";

testExamples({
  name: "data",
  atLeast: 15,
  around: ({ randn }) => {
    const small = data.digits({ train: 200, test: 100 });
    const model = Linear(3, 1);
    const batches = [[randn([4, 3]), randn([4, 1])] as const];
    return {
      ...data,
      adam,
      batches,
      digits: () => small,
      f: (x: Parameters<typeof mse>[0], y: Parameters<typeof mse>[1]) => mse(model(x), y),
      housing: async () => ({ inputs: randn([4, 13]), targets: randn([4]) }),
      images: small.train.images,
      labels: small.train.labels,
      minimize,
      mnist: async () => small,
      run: minimize((x, y) => mse(model(x), y), batches, adam()),
      step: () => {},
      tired: () => false,
    };
  },
});
