// What two copies of the package know of each other.
import { open } from "@weft/tensor-cpu";
import { minibatch, ragged } from "@weft/data";
import { areLengths } from "@weft/data/internals";
import { expect, test, vi } from "vitest";

const backend = await open({});

test("the lengths in a batch are known to another copy of the package", async () => {
  vi.resetModules();
  const other: { areLengths: typeof areLengths } = await import("@weft/data/internals");
  expect(other.areLengths).not.toBe(areLengths);
  const words = ragged([[1, 2], [3]]);
  const numbers = [[...minibatch([words, [0, 1]], 2)][0]!, [...minibatch([words, [0, 1]], 2, { backend })][0]!];
  for (const batch of numbers) {
    const answers = (known: (x: unknown) => boolean): boolean[] => batch.map((x) => known(x));
    expect([answers(areLengths), answers(other.areLengths)]).toEqual([
      [false, true, false],
      [false, true, false],
    ]);
  }
});
