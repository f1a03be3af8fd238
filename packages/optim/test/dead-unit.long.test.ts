// Derivatives of steps where a gradient is exactly 0, as that of a dead unit: finite, of order 1 and 2.
import { diff, param, type Param } from "@weft/autograd";
import { add, mul, square, sum, type Backend, type Creation, type Tensor } from "@weft/tensor";
import { open as openCpu } from "@weft/tensor-cpu";
import { openWebGpu } from "../../../test/webgpu.ts";
import { describe, expect, test } from "vitest";
import {
  adadelta,
  adafactor,
  adagrad,
  adam,
  adamw,
  chain,
  clipGlobalNorm,
  clipNorm,
  lion,
  momentum,
  muon,
  nesterov,
  rmsprop,
  sgd,
  type Optimizer,
  type OptimizerOptions,
} from "../src/index.ts";

const rules: [string, (options: OptimizerOptions) => Optimizer][] = [
  ["sgd", sgd],
  ["momentum", momentum],
  ["nesterov", nesterov],
  ["adagrad", adagrad],
  ["rmsprop", rmsprop],
  ["adadelta", adadelta],
  ["adam", adam],
  ["AMSGrad", (options) => adam({ ...options, amsgrad: true })],
  ["adamw", adamw],
  ["lion", lion],
  ["muon", ({ params }) => muon({ params })],
  ["adafactor", ({ params }) => adafactor({ params, eps1: 1e-12 })],
  ["gclip", (options) => sgd({ ...options, gclip: 1 })],
  ["clipNorm", (options) => chain(clipNorm(1), sgd(options))],
  ["clipGlobalNorm", (options) => chain(clipGlobalNorm(1), sgd(options))],
];

/** The loss after two steps on w, whose gradients are scale · w, elementwise. */
function trained(w: Param, scale: Param, rule: Optimizer): Tensor {
  for (let k = 0; k < 2; k++) rule.update(diff(() => sum(mul(scale, square(w)))));
  return sum(square(add(w, 1)));
}

/** On the software driver each of these takes seconds. */
const fewer = rules.filter(([name]) => ["adam", "clipGlobalNorm"].includes(name));
const opens: [string, () => Promise<Backend & Creation>, typeof rules][] = [
  ["the CPU", () => openCpu({}), rules],
  ["the CPU, unmerged", () => openCpu({ fuse: false }), rules],
];
if (process.env["WEFT_NO_DRIVER"] === undefined) opens.push(["WebGPU", () => openWebGpu({}), fewer]);

describe.each(opens)("on %s", (_, open, tested) => {
  test.each(tested)("%s", async (_name, make) => {
    const b = await open();
    // One dead unit, or only such ones: the gradients of the rows are 0 because of their scale, or of their values.
    for (const scales of [
      [
        [1, 1],
        [0, 0],
      ],
      [
        [0, 0],
        [0, 0],
      ],
    ])
      // oxfmt-ignore
      for (const values of [[[1, 2], [3, 4]], [[1, 2], [0, 0]], [[0, 0], [0, 0]]]) { // oxfmt-ignore
        const [w, scale] = [param(b.tensor(values)), param(b.tensor(scales))];
        const start = (): Optimizer => {
          w.value = b.tensor(values);
          return make({ params: w });
        };
        const first = start();
        const once = diff(() => trained(w, scale, first));
        const second = start();
        const twice = diff(() => {
          const inner = diff(() => trained(w, scale, second));
          return add(sum(inner.grad(scale)), sum(inner.grad(w)));
        });
        for (const tape of [once, twice])
          for (const of of [scale, w])
            expect((await tape.grad(of).array()).flat()).toEqual(
              Array.from({ length: 4 }, () => expect.toSatisfy(Number.isFinite)),
            );
      }
  });
});

test("the derivative of a step of adam at a gradient of 0 is that of its formula", async () => {
  const { tensor } = await openCpu({});
  const [w, g] = [param(tensor([1])), param(tensor([0]))];
  const rule = adam({ lr: 0.5, eps: 0.25, params: w });
  const tape = diff(() => {
    rule.update(diff(() => sum(mul(g, w))));
    return sum(w);
  });
  // w − lr g / (|g| + eps), of which the slope at 0 is −lr / eps.
  expect(await tape.grad(g).array()).toEqual([expect.closeTo(-2, 5)]);
});
