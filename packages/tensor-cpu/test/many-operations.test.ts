// A program may make operations as it goes, without end: neither is the library used up, nor are two ever mixed up.
import { applyFused, elementwiseOp, mul, rowOp, scope, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import { openSync } from "../src/index.ts";

const timesOp = (factor: number) =>
  elementwiseOp("times", (k, x) => k.mul(x!, k.constant(factor)), () => [(g) => mul(g, factor)]); // prettier-ignore
const lessMeanOp = (factor: number) =>
  rowOp("lessMean", { operands: ["row"], write: (k, _, x) => [k.sub(x, k.mul(k.mean(x), k.constant(factor)))] });

test("70,000 operations of one name are as many", { timeout: 120_000 }, () => {
  const b = openSync({});
  const x = b.tensor([1, 3]);
  const first = timesOp(2);
  const apply = (op: ReturnType<typeof timesOp>): number[] =>
    scope(() => [...(applyFused(op, [x], undefined)[0] as Tensor).dataSync()]);
  expect(apply(first)).toEqual([2, 6]);
  // Most of them only take their numbers: what counts is that those beyond 12 and beyond 16 bits are told apart.
  for (let i = 0; i < 70_000; i++) {
    const op = i % 2 === 0 ? timesOp(i) : lessMeanOp(i);
    if (i % 5_000 < 2 || i % 65_536 < 2)
      expect(apply(op as typeof first)).toEqual(i % 2 === 0 ? [i, 3 * i] : [1 - 2 * i, 3 - 2 * i]);
    else b.runFused(op, [x], undefined)?.forEach((y) => y.release());
  }
  expect(apply(first)).toEqual([2, 6]);
  expect([...mul(x, 5).dataSync()]).toEqual([5, 15]);
});
