// Reductions of much to little: split among workgroups, whose sums a second dispatch adds and passes to the epilogue.
import * as T from "@weft/tensor";
import { scope, type Tensor } from "@weft/tensor";
import { openSync } from "@weft/tensor-cpu";
import { expect } from "vitest";
import { describeOnDevice, onDevice } from "./device.ts";
import { software } from "../src/forms/device-traits.ts";
import { openSmall } from "./small.ts";

const memory = { first: 1 << 21, most: 1 << 21, limit: 1 << 23 };
const wave = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.sin(i * 0.37) + 0.01);

const programs: Record<string, (x: Tensor) => Tensor> = {
  "all of it": (x) => T.sum(x),
  "mean square": (x) => T.mean(T.square(x)),
  columns: (x) => T.sum(x, { axis: 0 }),
  "columns, then more": (x) => T.sub(1, T.mul(T.sum(T.exp(x), { axis: 0 }), 0.1)),
  rows: (x) => T.sum(x, { axis: 1, keepDims: true }),
  "of a view": (x) => T.sum(T.slice(T.transpose(x), { starts: [0, 3] }), { axis: 1 }),
};

describeOnDevice("split reductions", () => {
  onDevice.each(Object.entries(programs))("%s", async (_, program) => {
    for (const shape of [
      [1000, 3],
      [4096, 1],
      [3, 2049],
      [777, 5],
      [40_000, 2],
    ]) {
      const data = wave(shape[0]! * shape[1]!);
      const split = await openSmall(
        {
          targetWorkgroups: { ...software.targetWorkgroups, reductions: shape[0]! > 10_000 ? 60 : 16 },
          subgroups: shape[0] === 777 ? 4 : 0,
          threads: shape[0]! > 10_000 ? 256 : 64,
        },
        memory,
      );
      const [got, wanted] = await Promise.all(
        [split, openSync({})].map((backend) => scope(() => program(backend.tensor(data, { shape }))).data()),
      );
      expect(got!.length).toBe(wanted!.length);
      got!.forEach((v, i) => expect(Math.abs(v - wanted![i]!)).toBeLessThan(1e-4 * Math.max(1, Math.abs(wanted![i]!))));
      const { dispatches } = split.executor.commands.counts;
      if (program === programs["all of it"]) expect(dispatches).toBe(2);
    }
  });
});
