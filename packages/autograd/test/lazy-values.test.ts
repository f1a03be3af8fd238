// A box without a value is initialized on the backend of another operand, in every function and at every position.
import { collections, openSync, results, upload } from "@weft/conformance";
import { add, applyFused, neg, softmax, sum, transpose, type FusedOp, type Operand, type Tensor } from "@weft/tensor";
import { describe, expect, it } from "vitest";
import { customGradient, diff, param, state, type State } from "../src/index.ts";

const backend = openSync({ seed: 1 });
const { tensor } = backend;

/** A state whose first value has the elements of x, on the backend that it is used with. */
function lazy(x: Tensor): State {
  const { shape, dtype } = x;
  const data = x.dataSync();
  return state({ shape, dtype, create: (on) => on.upload(data, shape, dtype) });
}

describe("every function of several operands", () => {
  const single = collections.filter(({ samples }) => !("layers" in samples)); // programs may use an operand alone
  // The way back through a step does not need all of what it is given.
  const named = single.flatMap(({ samples }) => Object.entries(samples));
  const samples = named.flatMap(([name, list]) => (name.endsWith("SequenceGrad") ? [] : list));
  it.each(samples.filter(({ inputs, separate }) => inputs.length > 1 && separate !== true))("$name", (sample) => {
    const xs = upload(backend, sample);
    const wanted = results(sample, xs).map((y) => y.arraySync());
    for (const k of xs.keys()) {
      const box = lazy(xs[k]!);
      const mixed = xs.with(k, box as Operand as Tensor);
      expect(results(sample, mixed).map((y) => y.arraySync())).toEqual(wanted);
      expect(box.backend).toBe(backend);
    }
  });
});

describe("a box without a value", () => {
  it("is initialized by a fused operation of one's own, and by a gradient written by hand", () => {
    const twice: FusedOp<undefined> = {
      name: "twice",
      infer: ([a]) => [a as Tensor],
      fallback: ([a, b]) => [(a as Tensor).add(b!).add(b!)],
    };
    const x = tensor([1, 2]);
    expect(applyFused(twice, [lazy(x), x], undefined)[0]!.arraySync()).toEqual([3, 6]);
    const second = customGradient((_: Tensor, b: Tensor) => ({ value: neg(b), pullback: (g) => [null, neg(g)] }));
    expect(second(x, lazy(x)).arraySync()).toEqual([-1, -2]);
  });

  it("is on the tape of the diff in which that happens", () => {
    const p = param({ shape: [2], dtype: "f32", create: () => tensor([3, 4]) });
    const tape = diff(() => sum(tensor([1, 2]).mul(p)));
    expect(tape.grad(p).arraySync()).toEqual([1, 2]);
  });

  it("takes its backend from a box that has one", () => {
    const x = tensor([1, 2]);
    expect(add(lazy(x), param(x)).arraySync()).toEqual([2, 4]);
  });

  it("says what to do where it is the only operand, or where the others have no values either", () => {
    const p = (): Operand =>
      param({ shape: [2, 2], dtype: "f32", create: (b) => b.upload(new Float32Array(4), [2, 2], "f32") });
    const error = /^param: this f32\[2,2\] has no value yet: .* first tensor it meets.*await place\(model, backend\)/;
    for (const f of [transpose, softmax, neg]) expect(() => f(p())).toThrow(error);
    expect(() => tensor(1).add(sum(p()))).toThrow(error);
  });
});
