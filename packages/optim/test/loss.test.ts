// A step of `minimize` whose loss cannot be computed is rolled back, even if no parameter depends on what failed.
import { param, type Param } from "@weft/autograd";
import { add, applyFused, mul, square, sum, take, type Backend, type Creation, type FusedOp } from "@weft/tensor";
import { openSync } from "@weft/tensor-cpu";
import { dense, kernel } from "@weft/tensor-cpu/kernels";
import { open as openWebGpu } from "@weft/tensor-webgpu";
import { describe, expect, test } from "vitest";
import { adam, minimize } from "../src/index.ts";

const brokenOp: FusedOp<undefined> = {
  name: "broken",
  infer: ([x]) => [x as never],
  fallback: ([x]) => [mul(x!, 1)],
  gradient: () => [(g) => g],
};
const broken = dense(() => {
  throw new Error("it is broken");
});

type Opened = Backend & Creation;
const worlds: Record<string, () => Opened | Promise<Opened>> = {
  "the CPU": () => openSync({ kernels: [kernel(brokenOp, broken)] }),
  "the CPU, unmerged": () => openSync({ fuse: false, kernels: [kernel(brokenOp, broken)] }),
  ...(process.env["WEFT_NO_DRIVER"] === undefined && { WebGPU: () => openWebGpu({}) }),
};

describe.each(Object.entries(worlds))("on %s", (name, open) => {
  /** Numbers of steps whose second fails. */
  const failures: Record<string, (backend: Opened, v: number) => ReturnType<typeof sum>> = {
    "a wrong index": (backend, v) => sum(take(backend.ones([2]), backend.tensor([v], { dtype: "i32" }))),
    ...(name.startsWith("the CPU") && {
      "a kernel that throws": (backend, v) =>
        sum(v === 9 ? applyFused(brokenOp, [backend.ones([2])], undefined)[0]! : backend.ones([2])),
    }),
  };
  test.each(Object.entries(failures))("%s", async (_, term) => {
    const backend = await open();
    const train = async (w: Param, items: number[]) => {
      const rule = adam({ lr: 0.1 });
      const run = minimize((v: number) => add(sum(square(w)), term(backend, v)), items, rule);
      const error = await run.then(() => undefined, (reason: Error) => reason); // prettier-ignore
      return { error, steps: rule.steps, w: await w.value.array() };
    };
    const make = () => param(backend.tensor([1, 2]));
    const good = await train(make(), [0, 1]);
    const bad = await train(make(), [0, 1, 9, 0]);
    expect(bad.error).toBeInstanceOf(Error);
    expect({ ...bad, error: undefined }).toEqual(good);
    const first = await train(make(), [9]);
    expect({ ...first, error: undefined }).toEqual({ error: undefined, steps: 0, w: [1, 2] });
  });
});
