// A foreign package brings a fused operation with its kernel.
import { grad } from "@weft/autograd";
import { add, applyFused, mul, scope, sum, type FusedOp, type Tensor } from "@weft/tensor";
import { expect } from "vitest";
import { open } from "../src/index.node.ts";
import { constant, kernel, prepared, type Call } from "../src/kernels.ts";
import { onDevice } from "./device.ts";

interface Scale {
  readonly factor: number;
}

/** factor · x², under the name of one of Weft's operations. */
const scaledSquareOp: FusedOp<Scale> = {
  name: "softmax",
  infer: ([x]) => [{ shape: (x as Tensor).shape, dtype: (x as Tensor).dtype }],
  fallback: ([x], { factor }) => [mul(mul(x!, x!), factor)],
  gradient: (_, [x], { factor }) => [(g) => mul(g, mul(x!, 2 * factor))],
};

const scaledSquare: Call<Scale> = {
  epilogue: true,
  prepare: (launch, machine) => {
    const { factor } = launch.attrs;
    return prepared(launch, machine, {
      name: `test/scaledSquare ${factor}`,
      count: launch.outs[0].shape.reduce((n, d) => n * d, 1),
      numbers: {},
      text: (w) => `
        let x = ${w.load(0, "i")};
        let y = x * x * ${constant(factor, "f32")};
        ${w.store("i", "y")}`,
    });
  },
};

const use = (x: Tensor): Tensor => add(applyFused(scaledSquareOp, [add(x, 1)], { factor: 3 })[0]!, 0.5);

onDevice("runs, with a gradient and an epilogue, as its fallback does", async () => {
  for (const fuse of [true, false])
    for (const kernels of [[kernel(scaledSquareOp, scaledSquare)], []]) {
      const b = await open({ fuse, kernels, profile: true });
      const x = b.tensor([1, 2, 3, 4, 5]);
      const [y, g] = scope(() => [use(x), grad((z: Tensor) => sum(use(z)))(x)]);
      expect([...(await y.data())]).toEqual([12.5, 27.5, 48.5, 75.5, 108.5]);
      expect([...(await g.data())]).toEqual([12, 18, 24, 30, 36]);
      const { dispatches } = await b.profile();
      const own = dispatches.filter(({ label }) => label.includes("softmax"));
      expect(own.length).toBe(kernels.length);
      b.destroy();
    }
});

onDevice("the names of its texts are free: others may use them, too", async () => {
  const times = (factor: number): Call<Scale> => ({
    prepare: (launch, machine) =>
      prepared(launch, machine, {
        name: "times",
        count: launch.outs[0].shape.reduce((n, d) => n * d, 1),
        numbers: {},
        text: (w) => `
          let y = ${w.load(0, "i")} * ${constant(factor, "f32")};
          ${w.store("i", "y")}`,
      }),
  });
  const otherOp = { ...scaledSquareOp };
  const b = await open({ kernels: [kernel(scaledSquareOp, times(3)), kernel(otherOp, times(5))] });
  const x = b.tensor([1, 2]);
  const results = [scaledSquareOp, otherOp].map((op) => applyFused(op, [x], { factor: 1 })[0]!);
  expect(await Promise.all(results.map((y) => y.array()))).toEqual([[3, 6], [5, 10]]); // oxfmt-ignore
  b.destroy();
});
