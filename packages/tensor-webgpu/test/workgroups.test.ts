// A dispatch of more workgroups than an adapter runs along one axis is a rectangle of them, with some left over: these
// touch nothing, neither a result nor its neighbors in memory.
import * as T from "@weft/tensor";
import { scope, type Creation, type Tensor } from "@weft/tensor";
import { openSync } from "@weft/tensor-cpu";
import { expect } from "vitest";
import { onDevice } from "./device.ts";
import { software } from "../src/forms/device-traits.ts";
import { openSmall } from "./small.ts";

const some = ({ tensor }: Creation, ...shape: number[]): Tensor =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * 1.7)),
    { shape },
  );

/** Computations of 28 or 64 workgroups, whose results or workspaces fill the `bytes` of a block. */
const cases: Record<string, { readonly bytes: number; readonly run: (backend: Creation) => Tensor }> = {
  argmax: { bytes: 128, run: (b) => T.argmax(some(b, 28, 200), { axis: 1 }) },
  indexAdd: {
    bytes: 1792,
    run: (b) => T.indexAdd(some(b, 28, 16), b.tensor([5, 27, 5], { dtype: "i32" }), some(b, 3, 16)),
  },
  cumsum: { bytes: 3584, run: (b) => T.cumsum(some(b, 28, 32), { axis: 1 }) },
  "sum in parts": { bytes: 1792, run: (b) => T.sum(some(b, 896, 16), { axis: 0 }) },
  "sort by digits": { bytes: 81_920, run: (b) => T.argsort(some(b, 4096)) },
};

for (const [name, { bytes, run }] of Object.entries(cases))
  onDevice(`${name}: workgroups beyond the last touch nothing`, async () => {
    const backend = await openSmall(
      { groups: 13, targetWorkgroups: { ...software.targetWorkgroups, reductions: 28 } },
      { first: 1 << 22, most: 1 << 22, limit: 1 << 24 },
    );
    // Results go into the holes between these.
    const around = Array.from({ length: 25 }, () => backend.tensor(new Float32Array(bytes / 4).fill(7)));
    for (const hole of around.filter((_, i) => i % 2 === 1)) hole.release();
    const wanted = scope(() => [...run(openSync({})).dataSync()]);
    const result = scope(() => run(backend));
    const got = [...(await result.data())];
    got.forEach((x, i) => expect(x).toBeCloseTo(wanted[i]!, 4));
    for (const wall of around.filter((_, i) => i % 2 === 0))
      expect([...(await wall.data())].every((x) => x === 7)).toBe(true);
  });
