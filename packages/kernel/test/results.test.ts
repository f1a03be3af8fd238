// Several results of one operation: they may differ in dtype, and each lives by itself. A package outside brings the operation.
import {
  add,
  applyFused,
  argmax,
  broadcastTo,
  source,
  less,
  max,
  mean,
  reshape,
  take,
  where,
  type Backend,
  type Creation,
  type FusedOp,
  type Tensor,
} from "@weft/tensor";
import { open as openCpu } from "@weft/tensor-cpu";
import { dense, kernel as cpuKernel } from "@weft/tensor-cpu/kernels";
import { open as openWebGpu } from "@weft/tensor-webgpu";
import { kernel as webGpuKernel, prepared } from "@weft/tensor-webgpu/kernels";
import { describe, expect, test } from "vitest";
import type { DeferredStats } from "../src/index.ts";

/** The greatest element of each row, and its place. */
const peakOp: FusedOp = {
  name: "peak",
  infer: ([x]) => {
    const shape = (x as Tensor).shape.slice(0, 1);
    return [
      { shape, dtype: "f32" },
      { shape, dtype: "i32" },
    ];
  },
  fallback: ([x]) => [max(x!, { axis: 1 }), argmax(x!, { axis: 1 })],
};

const onCpu = cpuKernel(
  peakOp,
  dense((m, _, [greatest], [x]) => ({
    units: greatest.shape[0]!,
    scratch: 0,
    run: ([best, place], [from], _scratch, begin, end) => {
      const n = x!.shape[1]!;
      for (let row = begin; row < end; row++) {
        const at = (from! >>> 2) + row * n;
        const elements = m.f32.subarray(at, at + n);
        const found = elements.indexOf(Math.max(...elements));
        m.f32[(best >>> 2) + row] = elements[found]!;
        m.i32[(place! >>> 2) + row] = found;
      }
    },
  })),
);

const onWebGpu = webGpuKernel(peakOp, {
  prepare: (launch, machine) =>
    prepared(launch, machine, {
      name: "test/peak",
      count: launch.outs[0].shape[0]!,
      numbers: { n: launch.inputs[0]!.shape[1]! },
      text: (w) => `
        var best = ${w.load(0, "i * n")};
        var place = 0i;
        for (var k = 1u; k < n; k++) {
          let rival = ${w.load(0, "i * n + k")};
          if (rival > best) { best = rival; place = i32(k); }
        }
        ${w.store("i", "best")}
        ${w.put(2, "i", "place")}`,
    }),
});

/** The place of each element that is less than the mean of its row (else -1), and the mean: a kernel of rows. */
const belowOp: FusedOp = {
  name: "below",
  infer: ([x]) => [
    { shape: (x as Tensor).shape, dtype: "i32" },
    { shape: (x as Tensor).shape.slice(0, 1), dtype: "f32" },
  ],
  fallback: ([x]) => {
    const { shape, backend } = x as Tensor;
    const average = mean(x!, { axis: 1, keepDims: true });
    const places = broadcastTo(source(backend, "iota", [], { shape: [shape[1]!], axis: 0, dtype: "i32" }), shape);
    return [where(less(x!, average), places, -1), reshape(average, [shape[0]!])];
  },
  rows: {
    operands: ["row"],
    results: ["row", "scalar"],
    write: (k, _, x) => [k.where(k.less(x, k.mean(x)), k.place, k.integer(-1)), k.mean(x)],
  },
};

type Opened = Backend & Creation & { stats(): DeferredStats };
const backends: readonly (readonly [string, () => Promise<Opened>])[] = [true, false].flatMap((fuse) => [
  [`the CPU, fuse: ${fuse}`, () => openCpu({ fuse, kernels: [onCpu] })] as const,
  ...(process.env["WEFT_NO_DRIVER"] === undefined
    ? [[`WebGPU, fuse: ${fuse}`, () => openWebGpu({ fuse, kernels: [onWebGpu] })] as const]
    : []),
]);

const rows = [3, 1, 4, 1, 5, 9, 2, 6];
const peak = (x: Tensor): [Tensor, Tensor] => applyFused(peakOp, [x], {}) as [Tensor, Tensor];

describe.each(backends)("on %s", (_, open) => {
  test("results of two dtypes come from one launch, and live by themselves", async () => {
    const b = await open();
    const x = b.tensor(rows, { shape: [2, 4] });
    const [best, place] = peak(x);
    expect([best.dtype, place.dtype]).toEqual(["f32", "i32"]);
    expect([...(await best.data())]).toEqual([4, 9]);
    expect([...(await place.data())]).toEqual([2, 1]);
    const { launches, live, bytes } = b.stats();
    expect(launches).toBe(1);
    best.release();
    expect(b.stats().live).toBe(live - 1);
    expect(b.stats().bytes).toBeLessThan(bytes);
    const table = b.tensor([10, 20, 30, 40]);
    expect([...(await add(take(table, place, { axis: 0 }), 1).data())]).toEqual([31, 21]);
  });

  test("a result that nobody wants has no storage", async () => {
    const b = await open();
    for (const wanted of [0, 1]) {
      const x = b.tensor(rows, { shape: [2, 4] });
      const { live, launches } = b.stats();
      const results = peak(x);
      results[1 - wanted]!.release();
      const result = results[wanted]!;
      const more = add(result, 1);
      expect([...(await more.data())]).toEqual(
        [
          [5, 10],
          [3, 2],
        ][wanted],
      );
      expect([...(await result.data())]).toEqual(
        [
          [4, 9],
          [2, 1],
        ][wanted],
      );
      expect(b.stats()).toMatchObject({ live: live + 2, launches: launches + 2 });
      for (const y of [x, result, more]) y.release(); // or the collector might, while the next round counts
    }
  });

  test("a kernel of rows has results of two dtypes", async () => {
    const b = await open();
    const [places, average] = applyFused(belowOp, [b.tensor(rows, { shape: [2, 4] })], {}) as [Tensor, Tensor];
    expect([...(await places.data())]).toEqual([-1, 1, -1, 3, 0, -1, 2, -1]);
    expect([...(await average.data())]).toEqual([2.25, 5.5]);
    expect(b.stats().launches).toBe(1);
  });

  test("when what reads one of them fails, each can still be computed", async () => {
    const b = await open();
    const [best, place] = peak(b.tensor(rows, { shape: [2, 4] }));
    const large = add(broadcastTo(reshape(best, [2, 1, 1]), [2, 2 ** 20, 2 ** 20]), 1);
    const after = add(place, 1);
    place.release();
    await expect(large.data()).rejects.toThrow();
    expect([...(await after.data())]).toEqual([3, 2]);
    expect([...(await best.data())]).toEqual([4, 9]);
  });
});

test("what is pending is not run between a call and its results", async () => {
  const b = await openCpu({ kernels: [onCpu] });
  const x = b.tensor(rows, { shape: [2, 4] });
  let y = x;
  while (b.stats().pending < 9_999) {
    const next = add(y, 1);
    if (y !== x) y.release();
    y = next;
  }
  const [best, place] = peak(x);
  expect(b.stats().pending).toBe(0);
  expect([...(await best.data())]).toEqual([4, 9]);
  expect([...(await place.data())]).toEqual([2, 1]);
});
