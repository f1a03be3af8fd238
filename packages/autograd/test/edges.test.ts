// Gradients where a rule has a special case: a power of 0, slices that are empty, and parameters read in the backward pass.
import { customGradient, diff, grad, param, type Param } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { ContextError, mul, pow, slice, square, sum, type Tensor } from "@weft/tensor";
import { describe, expect, test } from "vitest";

const { tensor, ones } = openSync();

/** Treats -0 as 0. */
const plain = (x: Tensor): number[] => (x.arraySync() as number[]).map((v) => v + 0);

describe("pow with the exponent 0", () => {
  const x = tensor([0, -2, 3]);
  test("is 1, and has the gradient 0 for the base, also at 0", () => {
    expect(pow(x, 0).arraySync()).toEqual([1, 1, 1]);
    expect(plain(grad((x: Tensor) => sum(pow(x, 0)))(x))).toEqual([0, 0, 0]);
    expect(plain(grad((x: Tensor) => sum(pow(x, tensor([0, 0, 0]))))(x))).toEqual([0, 0, 0]);
  });
  test("also where only some exponents are 0", () => {
    const dx = grad((x: Tensor) => sum(pow(x, tensor([0, 2, 0]))))(x);
    expect(plain(dx)).toEqual([0, -4, 0]);
  });
  test("and to the second order", () => {
    const second = grad((x: Tensor) => sum(grad((x: Tensor) => sum(pow(x, 0)))(x)))(x);
    expect(plain(second)).toEqual([0, 0, 0]);
  });
});

describe("slices that are empty", () => {
  const x = ones([2, 5]);
  const parts = [
    { starts: [0, 4], ends: [2, 2], steps: [1, 2] },
    { starts: [0, 1], ends: [2, 4], steps: [1, -3] },
    { starts: [2], ends: [1], steps: [3] },
    { starts: [-10], steps: [-1] },
  ];
  test.each(parts)("%j has a gradient of zeros", (part) => {
    expect(slice(x, part).size).toBe(0);
    const dx = grad((x: Tensor) => sum(square(slice(x, part))))(x);
    expect(dx.arraySync()).toEqual([
      [0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0],
    ]);
  });
});

describe("a parameter that a pullback reads", () => {
  const scaled = (w: Param) =>
    customGradient((x: Tensor) => ({ value: mul(x, 3), pullback: (g: Tensor) => mul(g, w) }));

  test("is a constant there, also while an asynchronous diff waits elsewhere", async () => {
    const w = param(tensor([5, 7]));
    let go!: () => void;
    const pause = new Promise<void>((resolve) => (go = resolve));
    const waiting = diff(async (t) => {
      await t.wait(pause);
      return sum(square(w));
    });
    const x = tensor([1, 2]);
    expect(() => mul(w, 1)).toThrow(ContextError);
    expect(grad((x: Tensor) => sum(scaled(w)(x)))(x).arraySync()).toEqual([5, 7]);
    // The pullback may read it; other code may not.
    expect(() => mul(w, 1)).toThrow(ContextError);
    go();
    expect((await waiting).grad(w).arraySync()).toEqual([10, 14]);
  });
});
