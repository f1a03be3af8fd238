// Norms of gradients that are huge or tiny: a finite gradient is scaled to the norm `max`, and never to 0.
import { diff, param, type Param } from "@weft/autograd";
import { cast, mul, sum, take, type Backend, type Creation } from "@weft/tensor";
import { open as openCpu } from "@weft/tensor-cpu";
import { openWebGpu } from "../../../test/webgpu.ts";
import { describe, expect, test } from "vitest";
import { longOn } from "../../../test/extent.ts";
import { chain, clipGlobalNorm, clipNorm, clipValue, sgd, weightDecay, type Optimizer } from "../src/index.ts";

const opens: [string, () => Promise<Backend & Creation>][] = [
  ["the CPU", () => openCpu({})],
  ["the CPU, unmerged", () => openCpu({ fuse: false })],
];
if (longOn("webgpu")) opens.push(["WebGPU", () => openWebGpu({})]);

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
        [1e35, 1e30],
        [5e37, 1e38],
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

describe.each(opens)("NaN in a gradient, on %s", (_, open) => {
  /** What a step makes of zeros with [NaN, 9] in one gradient, and [9, 0.1] in another one. */
  const moved = async (optimizer: Optimizer, sparse = false) => {
    const b = await open();
    const all = [param(b.zeros([2])), param(b.zeros([2]))] as const;
    const rows = (p: Param) => (sparse ? take(p, b.tensor([0, 1], { dtype: "i32" })) : p);
    const gradients = [b.tensor([NaN, 9]), b.tensor([9, 0.1])];
    optimizer.update(diff(() => all.map((p, i) => sum(mul(rows(p), gradients[i]!))).reduce((x, y) => x.add(y))));
    return Promise.all(all.map(async (p) => [...(await p.value.data())]));
  };
  const nothing = [NaN, NaN];
  const tenth = expect.closeTo(-0.1, 6);

  test.each([false, true])("spreads as far as the norm it is in, row-sparse %s", async (sparse) => {
    const clipped = [expect.closeTo(-0.99994, 4), expect.closeTo(-0.01111, 4)];
    expect(await moved(chain(clipGlobalNorm(1), sgd({ lr: 1 })), sparse)).toEqual([nothing, nothing]);
    expect(await moved(chain(clipNorm(1), sgd({ lr: 1 })), sparse)).toEqual([nothing, clipped]);
    expect(await moved(sgd({ lr: 1, gclip: 1 }), sparse)).toEqual([nothing, clipped]);
    // oxfmt-ignore
    expect(await moved(chain(clipValue(1), sgd({ lr: 1 })), sparse)).toEqual([[NaN, -1], [-1, tenth]]);
  });

  test("a norm without a limit changes nothing", async () => {
    // oxfmt-ignore
    expect(await moved(chain(clipNorm(Infinity), sgd({ lr: 1 })))).toEqual([nothing, [-9, tenth]]);
  });
});

test("a decay that is not finite is refused", () => {
  expect(() => weightDecay(Infinity)).toThrow("weightDecay: wanted a non-negative finite number as decay, got number");
});
