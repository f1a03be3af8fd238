// Values that share work, when a part of a flush fails: what does not need the failed part is computed, whatever was computed first
// on the way; and each optimizer whose step was rolled back is told, whoever assigned after it.
import { diff, param, state, type Param } from "@weft/autograd";
import { adam, optimizer, sgd, type Optimizer } from "@weft/optim";
import { add, cumsum, exp, IndexError, MemoryError, mean, mul, scope, square, sub, sum, take } from "@weft/tensor";
import type { Tensor } from "@weft/tensor";
import { together, flush } from "@weft/tensor/internals";
import { describe, expect, test, vi } from "vitest";
import { openSync, type CpuBackend } from "../src/index.ts";

const MB = 2 ** 20;

describe.each([
  ["merged", true],
  ["unmerged", false],
])("%s", (_, fuse) => {
  const open = (): CpuBackend => openSync({ memoryLimit: 16 * MB, fuse, seed: 1 });
  const large = (b: CpuBackend): Tensor => cumsum(b.zeros([2_000_000, 3]), { axis: 0 });

  test.each([1, 2, 3, 5])("values before and after one that is too large (%i)", (n) => {
    const b = open();
    const y = exp(b.tensor([0, 1]));
    const before = Array.from({ length: n }, (_, i) => add(y, i));
    const tooLarge = cumsum(add(sum(y), b.zeros([6_000_000])));
    const after = Array.from({ length: n }, (_, i) => add(y, i + 10));
    y.release();
    expect(() => flush()).toThrow(MemoryError);
    before.forEach((x, i) => expect(x.dataSync()[0]).toBe(1 + i));
    after.forEach((x, i) => expect(x.dataSync()[0]).toBe(11 + i));
    expect(() => tooLarge.dataSync()).toThrow(MemoryError);
  });

  const ahead = (): Optimizer =>
    optimizer({
      name: "ahead",
      init: (p) => ({ slow: mul(p, 1) }),
      update: (g, p, { slow }, { lr }) => [sub(p, mul(g, lr)), { slow: add(mul(slow!, 0.9), mul(p, 0.1)) }],
    });
  /** What is made from the result of a step that is pending, and how it fails with the next one. */
  const beside: Record<string, (w: Param) => unknown> = {
    nothing: () => undefined,
    "an average in a state": (w) => state(mul(w.value, 1)),
    "the value itself in a state": (w) => state(w.value),
    "a copy in a parameter": (w) => param(mul(w.value, 1)),
    "the state of another optimizer": () => undefined,
  };
  test.each(Object.keys(beside).flatMap((what) => [false, true].map((index) => [what, index] as const)))(
    "a good step stays where the next one fails, with %s made from it (by an index: %s)",
    (what, index) => {
      const b = open();
      const [w, x] = scope(() => [param(b.tensor([1, 2, 3])), param(b.tensor([1, 2, 3]))]);
      w.value.dataSync();
      const loss = (v: Tensor | Param): Tensor => mean(square(sub(mul(w, v), 1)));
      const rule = adam({ lr: 0.1 });
      rule.update(diff(() => loss(x.value)));
      const made = beside[what]!(w) as Param | undefined;
      const next = what.includes("another optimizer") ? ahead() : rule;
      const fails = () =>
        scope(() =>
          next.update(diff(() => (index ? sum(take(w, b.tensor(Int32Array.of(1, 9)))) : loss(large(b) as Tensor)))),
        );
      expect(fails).toThrow(index ? IndexError : MemoryError);
      expect(w.value.arraySync()).toEqual([1, 1.9, 2.9].map((v) => expect.closeTo(v, 5) as number));
      if (made !== undefined) expect(made.value.arraySync()).toEqual(w.value.arraySync());
      expect(rule.steps).toBe(1);
    },
  );

  const steps: Record<string, (loss: () => Tensor, small: () => Tensor, one: Optimizer, two: Optimizer) => void> = {
    "two optimizers in turn": (loss, _, one, two) => {
      const tape = diff(loss);
      one.update(tape);
      two.update(tape);
    },
    "two optimizers together": (loss, _, one, two) => {
      const tape = diff(loss);
      together(() => [one, two].forEach((rule) => rule.update(tape)));
    },
    "one optimizer twice": (loss, _, one) => {
      const tape = diff(loss);
      one.update(tape);
      one.update(tape);
    },
    "one, another, and the first again": (loss, _, one, two) => {
      const tape = diff(loss);
      for (const rule of [one, two, one]) rule.update(tape);
    },
    "gradients given twice": (loss, _, one) => {
      const tape = diff(loss);
      one.apply(tape.params.flatMap((p) => [1, 2].map(() => ({ param: p, g: tape.grad(p) }))));
    },
    "steps within the loss": (loss, small, one, two) => {
      const tape = diff(() => {
        for (let i = 0; i < 3; i++) two.update(diff(small));
        return loss();
      });
      one.update(tape);
    },
  };
  test.each(Object.entries(steps))("%s: a step that was rolled back is not counted", (_, step) => {
    const run = (fail: boolean): number[] => {
      const b = open();
      const [w, x] = scope(() => [param(b.tensor([1, 2, 3])), param(b.tensor([1, 2, 3]))]);
      const small = (): Tensor => mean(square(sub(mul(w, x.value), 1)));
      const [one, two] = [adam({ lr: 0.1, params: w }), adam({ lr: 0.1, params: w })];
      if (fail) {
        expect(() => scope(() => step(() => mean(square(sub(mul(w, large(b)), 1))), small, one, two))).toThrow(
          MemoryError,
        );
        expect(w.value.arraySync()).toEqual([1, 2, 3]);
        expect([one.steps, two.steps]).toEqual([0, 0]);
        expect([one, two].map((rule) => rule.stateOf(w))).toEqual([undefined, undefined]);
      }
      for (const rule of [one, two]) for (let i = 0; i < 3; i++) scope(() => rule.update(diff(small)));
      return w.value.arraySync() as number[];
    };
    expect(run(true)).toEqual(run(false));
  });

  test.each(["memory", "an index", "a rule", "an index of the step before"])(
    "the state that a step made that failed (%s) goes with it",
    (why) => {
      const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
      const b = open();
      const w = scope(() => param(b.tensor([1, 2, 3])));
      let armed = why === "a rule";
      const rule = optimizer({
        name: "slow",
        init: (p) => ({ slow: p }),
        update: (g, p, { slow }, { lr }) => {
          if (armed) throw new Error("armed");
          const next = sub(p, mul(g, lr));
          return [next, { slow: add(mul(slow!, 0.5), mul(next, 0.5)) }];
        },
      });
      const wrong = (): Tensor => sum(take(w, b.tensor(Int32Array.of(1, 9))));
      expect(() =>
        scope(() => {
          const tape = diff(() =>
            why.includes("index") ? wrong() : why === "memory" ? sum(mul(w, large(b))) : sum(w),
          );
          together(() => {
            if (why.endsWith("before")) sgd({ params: w }).update(tape);
            rule.update(tape);
          });
        }),
      ).toThrow();
      armed = false;
      expect(rule.stateOf(w)).toBeUndefined();
      w.value = b.tensor([100, 200, 300]); // as a program does that loads its last good weights
      scope(() => rule.update(diff(() => sum(w))));
      expect(rule.stateOf(w)!["slow"]!.value.arraySync()).toEqual([99.95, 199.95, 299.95].map(Math.fround));
      warn.mockRestore();
    },
  );
});
