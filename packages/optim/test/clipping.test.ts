// Norms of gradients that are huge or tiny: a finite gradient is scaled to the norm `max`, and never to 0.
import { diff, param } from "@weft/autograd";
import { cast, mul, sum, take, type Backend, type Creation } from "@weft/tensor";
import { open as openCpu } from "@weft/tensor-cpu";
import { open as openWebGpu } from "@weft/tensor-webgpu";
import { describe, expect, test } from "vitest";
import { chain, clipGlobalNorm, clipNorm, sgd, weightDecay, type Optimizer } from "../src/index.ts";

const opens: [string, () => Promise<Backend & Creation>][] = [
  ["the CPU", () => openCpu({})],
  ["the CPU, unmerged", () => openCpu({ fuse: false })],
];
if (process.env["WEFT_NO_DRIVER"] === undefined) opens.push(["WebGPU", () => openWebGpu({})]);

const rules: [string, (max: number) => Optimizer][] = [
  ["clipNorm", (max) => chain(clipNorm(max), sgd({ lr: 1 }))],
  ["clipGlobalNorm", (max) => chain(clipGlobalNorm(max), sgd({ lr: 1 }))],
  ["gclip", (max) => sgd({ lr: 1, gclip: max })],
];

describe.each(opens)("on %s", (_, open) => {
  test.each(rules)("%s", async (_, make) => {
    const b = await open();
    /** What a step makes of zeros with the gradient [3, 4] times a size. */
    const moved = async (size: number, max: number, sparse: boolean) => {
      const p = param(b.zeros([2]));
      const rows = () => (sparse ? take(p, b.tensor([0, 1], { dtype: "i32" })) : p);
      make(max).update(diff(() => sum(mul(mul(rows(), b.tensor([3, 4])), size))));
      return [...(await p.value.data())].map((x) => -x / max);
    };
    for (const sparse of [false, true])
      for (const [size, max] of [
        [1e30, 5],
        [1e25, 1],
        [1e18, 1],
        [2, 5],
        [1e-15, 1e-16],
        [1e-20, 1e-21],
        [1e4, 1e-20],
      ] as const)
        // oxfmt-ignore
        expect(await moved(size, max, sparse)).toEqual([expect.closeTo(0.6, 5), expect.closeTo(0.8, 5)]);
    expect(await moved(1e-20, 1, false)).toEqual([3e-20, 4e-20].map((x) => expect.closeTo(x, 24)));
    const half = param(cast(b.zeros([2]), "f16"));
    make(5).update(diff(() => sum(mul(mul(half, b.tensor([3, 4])), 100))));
    const got = [...(await cast(half.value, "f32").data())];
    expect(got).toEqual([expect.closeTo(-3, 2), expect.closeTo(-4, 2)]);
  });
});

test("a decay that is not finite is refused", () => {
  expect(() => weightDecay(Infinity)).toThrow("weightDecay: wanted a non-negative finite number as decay, got number");
});
