// Kernels of rows that others bring.
import { scope } from "@weft/tensor";
import { expect, test } from "vitest";
import { weighted } from "../../kernel/test/row-op.ts";
import { openSync } from "../src/index.ts";

test("an operation of rows from outside has the kernel that it brings", () => {
  const b = openSync({});
  const shapes: readonly (readonly [readonly number[], number])[] = [
    [[5, 7], 1],
    [[3, 1], 1],
    [[2, 3001], 1],
    [[7, 6], 0],
    [[3, 5, 4], 1],
    [[90, 20, 33], 1],
    [[0, 3], 1],
  ];
  for (const [shape, axis] of shapes)
    scope(() => {
      const x = b.tensor(Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => Math.sin(i * 0.37)), { shape }); // prettier-ignore
      const before = b.stats().launches;
      const got = weighted(x, axis, true).map((y) => [...y.dataSync()]);
      expect(b.stats().launches - before).toBeLessThanOrEqual(2); // the call; one more where reading a part copies it
      const wanted = weighted(x, axis, false).map((y) => [...y.dataSync()]);
      got.forEach((list, r) => {
        expect(list.length).toBe(wanted[r]!.length);
        list.forEach((v, i) =>
          expect(Math.abs(v - wanted[r]![i]!)).toBeLessThan(3e-6 * (1 + Math.abs(wanted[r]![i]!))),
        );
      });
    });
});
