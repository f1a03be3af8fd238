// A promise in place of a value is refused, and its rejection does not end the process: it belongs to a failed call.
import { openSync } from "@weft/conformance";
import { summary } from "@weft/nn";
import { add, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import { customGradient, grad, jacobian, jvp, shapes, valueAndGrad, vjp } from "../src/index.ts";

const { tensor } = openSync({});
const x = tensor([1, 2]);
const rejected = async (): Promise<never> => {
  throw new Error("inner");
};

const calls: Record<string, (f: (x: Tensor) => never) => unknown> = {
  add: (f) => add(x, f(x)),
  customGradient: (f) => customGradient(f)(x),
  grad: (f) => grad(f)(x),
  jacobian: (f) => jacobian(f)(x),
  jvp: (f) => jvp(f, [x], [x]),
  shapes: (f) => shapes(f, [2]),
  summary: (f) => summary(f, [2]),
  valueAndGrad: (f) => valueAndGrad(f)(x),
  vjp: (f) => vjp(f, x),
};

test.each(Object.entries(calls))("%s", async (_, call) => {
  const unheard: unknown[] = [];
  const note = (reason: unknown): void => void unheard.push(reason);
  process.on("unhandledRejection", note);
  try {
    let given: unknown;
    try {
      given = call(rejected as never);
    } catch (error) {
      given = error;
    }
    expect(given).toBeInstanceOf(Error);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(unheard).toEqual([]);
  } finally {
    process.off("unhandledRejection", note);
  }
});
