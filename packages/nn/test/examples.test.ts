// The examples of the sources are true. Files are written into a temporary folder.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { state } from "@weft/autograd";
import * as nn from "@weft/nn";
import * as models from "@weft/nn/models";
import { sum, type Tensor } from "@weft/tensor";
import { afterEach, beforeEach } from "vitest";
import { testExamples } from "../../../test/examples.ts";

const home = process.cwd();
beforeEach(() => process.chdir(mkdtempSync(join(tmpdir(), "weft-examples-"))));
afterEach(() => {
  const folder = process.cwd();
  process.chdir(home);
  rmSync(folder, { recursive: true });
});

testExamples({
  name: "nn",
  atLeast: 86,
  around: (backend) => {
    const { ones, randn, tensor, zeros } = backend;
    const model = nn.Linear(8, 3);
    return {
      backend,
      ...nn,
      ...models,
      bias: zeros([8]),
      fetch: async () => new Response(await nn.toBytes(model)),
      images: randn([2, 1, 28, 28]),
      keys: randn([2, 5, 4]),
      labels: ones([4, 3]),
      model,
      predict: (x: Tensor) => sum(x, { axis: 1 }),
      queries: randn([2, 5, 4]),
      runningMean: state(zeros([8])),
      runningVar: state(ones([8])),
      scores: randn([4, 3]),
      w: randn([8, 3]),
      weight: ones([8]),
      words: tensor([1, 2], { dtype: "i32" }),
      x: randn([4, 8]),
      y: tensor([0, 1, 2, 0], { dtype: "i32" }),
    };
  },
});
