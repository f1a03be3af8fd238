// Random programs of public functions: merged, unmerged, side by side, over many small slabs, and on the CPU. All
// agree.
import * as T from "@weft/tensor";
import type { DeferredStats } from "@weft/kernel";
import { scope, type Creation, type Tensor } from "@weft/tensor";
import { openSync } from "@weft/tensor-cpu";
import { expect } from "vitest";
import { draws } from "../../../test/draws.ts";
import { everything } from "../../../test/extent.ts";
import type { Executor } from "../src/executor.ts";
import { open } from "../src/index.node.ts";
import type { Slabs } from "../src/slabs.ts";
import { onDevice } from "./device.ts";
import { openSmall } from "./small.ts";

const UNARY = ["neg", "relu", "sigmoid", "tanh", "abs", "square", "exp", "isFinite"] as const;
const BINARY = ["add", "sub", "mul", "maximum", "less"] as const;

type Draw = (below: number) => number;
const operations: readonly ((x: Tensor, other: Tensor, draw: Draw) => Tensor)[] = [
  (x, _, draw) => T[UNARY[draw(UNARY.length)]!](T.mul(x, 0.5)),
  (x, other, draw) => T[BINARY[draw(BINARY.length)]!](x, fits(x, other) ? other : draw(5) - 2),
  (x, other) => T.where(T.greater(x, 0), x, fits(x, other) ? other : 0.25),
  (x, _, draw) =>
    x.rank === 0 ? T.neg(x) : [T.sum, T.max, T.mean][draw(3)]!(x, { axis: draw(x.rank), keepDims: draw(2) === 0 }),
  (x) => (x.rank < 2 ? T.flip(T.reshape(x, [-1])) : T.permute(x, [...x.shape.keys()].toReversed())),
  (x, _, draw) =>
    T.slice(x, {
      starts: x.shape.map((d) => draw(Math.max(1, d >> 1))),
      ends: [...x.shape],
      steps: x.shape.map(() => 1 + draw(2)),
    }),
  (x, _, draw) => (x.rank === 0 ? T.reshape(x, [1]) : T.concat([x, T.mul(x, 2), x], { axis: draw(x.rank) })),
  (x, _, draw) => T.pad(x, { pads: x.shape.map(() => [draw(2), draw(2)] as [number, number]), value: 0.25 }),
  (x) => (x.rank === 2 ? T.matmul(x, T.transpose(x)) : T.reshape(x, [-1])),
];

function fits(a: Tensor, b: Tensor): boolean {
  for (let i = 1; i <= Math.min(a.rank, b.rank); i++) {
    const [x, y] = [a.shape.at(-i)!, b.shape.at(-i)!];
    if (x !== y && x !== 1 && y !== 1) return false;
  }
  return true;
}

/** The results to read of one program, the same on every backend. */
function program(seed: number, { tensor }: Creation): Tensor[] {
  const draw = draws(seed);
  const values = [[4, 6], [6], [4, 1], [3, 4, 6], [24]].map((shape, k) => {
    const n = shape.reduce((a, b) => a * b, 1);
    return tensor(
      Float32Array.from({ length: n }, (_, i) => Math.sin(i * 1.7 + k + seed)),
      { shape },
    );
  });
  for (let step = 0; step < 16; step++) {
    const x = values[draw(3) === 0 ? draw(values.length) : Math.max(0, values.length - 1 - draw(4))]!;
    let y = operations[draw(operations.length)]!(x, values[draw(values.length)]!, draw);
    if (y.dtype === "bool") y = T.cast(y, "f32");
    if (y.size > 400) y = T.slice(T.reshape(y, [-1]), { starts: [0], ends: [96] });
    values.push(y);
    // Values that could overflow within a few steps are clamped.
    values[values.length - 1] = T.clamp(y, { min: -9, max: 9 });
  }
  return values.slice(5);
}

const cpu = openSync({});
const tiny = { first: 2048, most: 16_384, limit: 1 << 20 };
const subjects: Record<string, () => Promise<Opened>> = {
  merged: () => open({}),
  unmerged: () => open({ fuse: false }),
  "side by side": () => openSmall({ settled: 0 }, { first: 1 << 20, most: 1 << 20, limit: 1 << 22 }),
  "many slabs, rows of workgroups": () => openSmall({ settled: 0, slabs: 5, groups: 8 }, tiny, { fuse: false }),
};

type Opened = Creation & { stats(): DeferredStats; executor?: Executor; slabs?: Slabs };

for (const [name, make] of Object.entries(subjects)) {
  let opened: Promise<Opened> | undefined;
  onDevice.each(Array.from({ length: everything ? 20 : 6 }, (_, i) => i))(`${name}: program %i`, async (seed) => {
    const backend = await (opened ??= make());
    const wanted = scope(() => program(seed, cpu).map((x) => [...x.dataSync()]));
    const results = scope(() => program(seed, backend));
    for (const [i, x] of results.entries()) {
      const got = await x.data();
      expect(got.length).toBe(wanted[i]!.length);
      got.forEach((v, k) => {
        const w = wanted[i]![k]!;
        if (!(Math.abs(v - w) <= 2e-5 * Math.max(1, Math.abs(w))))
          expect.fail(`result ${i}, element ${k}: got ${v}, wanted ${w}`);
      });
    }
    for (const x of results) x.release();
    expect(backend.stats().live).toBe(0);
  });

  onDevice(`${name}: has the properties that its name says`, async () => {
    const { executor, slabs, stats } = (await opened)!;
    if (name === "side by side")
      expect(executor!.commands.counts.dispatches).toBeLessThan(stats.call(await opened).launches);
    if (name.startsWith("many slabs")) expect(slabs!.count).toBeGreaterThan(3);
  });
}
