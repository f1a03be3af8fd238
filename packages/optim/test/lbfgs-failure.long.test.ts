// L-BFGS all or nothing: an update that fails at any evaluation changes nothing, and a loss or a gradient that is not
// finite is never called a minimum.
import { param, state, type Param } from "@weft/autograd";
import { BatchNorm, Chain, dropout, Linear, mse, place, seed, toBytes } from "@weft/nn";
import { abs, add, at, log, mul, relu, scope, sqrt, square, sub, sum, type Backend, type Creation } from "@weft/tensor";
import { open as openCpu } from "@weft/tensor-cpu";
import { openWebGpu } from "../../../test/webgpu.ts";
import { describe, expect, test } from "vitest";
import { DivergenceError, lbfgs, minimize } from "../src/index.ts";

const opens: [string, () => Promise<Backend & Creation>][] = [["the CPU", () => openCpu({})]];
if (process.env["WEFT_NO_DRIVER"] === undefined) opens.push(["WebGPU", () => openWebGpu({})]);

const list = async (p: Param) => [...(await p.value.data())];

describe.each(opens)("on %s", (name, open) => {
  test.each(name === "the CPU" ? [1, 2, 3, 4] : [1, 3])(
    "a loss that throws at evaluation %i changes nothing",
    { timeout: 120_000 },
    async (when) => {
      const b = await open();
      seed(1);
      const model = Chain(Linear(3, 4), BatchNorm(4), relu, Linear(4, 1));
      const mean = state(b.zeros([1]));
      const [x, y] = [b.randn([6, 3], { seed: 1 }), b.randn([6, 1], { seed: 2 })];
      await place(model, b);
      const optimizer = lbfgs({ iterations: 3, history: 2 });
      let left = Infinity;
      const loss = () => {
        const found = mse(dropout(model(x), 0.1), y);
        mean.value = add(mul(mean, 0.5), 1);
        if (--left <= 0) throw new Error("broken");
        return found;
      };
      const all = () => toBytes({ model, mean, optimizer, random: b.stream });
      for (const warm of [false, true]) {
        if (warm) await optimizer.update(loss);
        const before = await all();
        const { converged } = optimizer;
        for (const update of [() => optimizer.update(loss), () => minimize(loss, [[]] as never, optimizer)]) {
          left = when;
          await expect(scope(async () => await update())).rejects.toThrow("broken");
          expect(await all()).toEqual(before);
          expect(optimizer.converged).toBe(converged);
        }
        left = Infinity;
      }
    },
  );

  test("a loss that is not finite is an error, and changes nothing", async () => {
    const { tensor } = await open();
    const p = param(tensor([1, 2]));
    const optimizer = lbfgs({ iterations: 1 });
    const bad = async (value: number) => optimizer.update(() => mul(sum(square(p)), value));
    for (const value of [NaN, Infinity, -Infinity])
      await expect(bad(value)).rejects.toThrow(`lbfgs: the loss is ${value}, so there is no step from here`);
    await expect(minimize(() => mul(sum(square(p)), NaN), [[]] as never, optimizer)).rejects.toThrow(DivergenceError);
    expect([await list(p), optimizer.steps, optimizer.converged]).toEqual([[1, 2], 0, false]);
    await bad(1);
    expect(optimizer.steps).toBe(1);
  });

  test("a gradient that is not finite, or too large, is an error, and changes nothing", async () => {
    const { tensor } = await open();
    const p = param(tensor([0, 2]));
    const gradient = (x: number) => `lbfgs: the gradient of the loss has an element ${x}, so there is no step`;
    const cases: [() => ReturnType<typeof sum>, string][] = [
      [() => sum(sqrt(mul(at(p, 0), 1))), gradient(Infinity)],
      [() => sum(sqrt(abs(p))), gradient(NaN)],
      [() => sum(mul(p, 1e30)), "lbfgs: the gradient is too large to be multiplied by itself"],
    ];
    for (const [loss, text] of cases) {
      const optimizer = lbfgs();
      await expect(optimizer.update(loss)).rejects.toThrow(text);
      await expect(optimizer.update(loss)).rejects.toThrow(DivergenceError);
      expect([await list(p), optimizer.steps, optimizer.converged]).toEqual([[0, 2], 0, false]);
    }
  });

  test("a loss without a minimum is an error; one that is infinite or NaN behind a wall is not", async () => {
    const { tensor } = await open();
    const p = param(tensor([1]));
    const falls = lbfgs();
    await expect(falls.update(() => mul(sum(p), -1e30))).rejects.toThrow(DivergenceError);
    expect([await list(p), falls.converged]).toEqual([[1], false]);
    const optimizer = lbfgs({ lr: 100 });
    const wall = () => sum(sub(mul(p, 2), log(p)));
    while (!optimizer.converged) await optimizer.update(wall);
    expect(await list(p)).toEqual([expect.closeTo(0.5, 3)]);
  });
});
