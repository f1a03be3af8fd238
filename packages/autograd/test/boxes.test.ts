// Boxes: versions of parameters and state, on open tapes and between them.
import { diff, param, scope, state, stopGradient } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { add, matmul, mul, square, sub, sum, tanh } from "@weft/tensor";
import { describe, expect, it } from "vitest";

describe("boxes", () => {
  it("carries state over 1,000 steps, in and out of diff, with flat counts", () => {
    const backend = openSync({ seed: 1 });
    const w = param(backend.tensor([[0.5]]));
    const h = state(backend.tensor([[0.1]]));
    const n = state(backend.tensor(0));
    let expected = 0.1;
    const before = backend.live();
    for (let i = 0; i < 1000; i++) {
      scope(() => {
        diff(() => {
          h.value = tanh(matmul(h, w));
          return sum(h);
        });
        n.value = add(n, 1);
      });
      expected = Math.tanh(expected * 0.5);
      expect(backend.live()).toBe(before);
    }
    expect(scope(() => n.value.itemSync())).toBe(1000);
    expect(scope(() => h.value.itemSync())).toBeCloseTo(expected, 12);
  });

  it("keeps a state assigned in diff part of the computation there", () => {
    const { tensor } = openSync();
    scope(() => {
      const w = param(tensor(3));
      const h = state(tensor(2));
      const tape = diff(() => {
        h.value = mul(h, w);
        h.value = mul(h, w);
        return h;
      });
      expect(tape.value.itemSync()).toBe(18);
      expect(tape.grad(w).itemSync()).toBe(12); // d/dw 2w²
      // a new tape sees a constant
      expect(
        diff(() => mul(h, w))
          .grad(w)
          .itemSync(),
      ).toBe(18);
    });
  });

  it("lets the old value be read after an update", () => {
    const { tensor } = openSync();
    const p = param(tensor([1, 2]));
    const old = p.value;
    const double = mul(p, 2);
    const same = p.read();
    p.value = tensor([5, 6]);
    expect(old.arraySync()).toEqual([1, 2]);
    expect(same.arraySync()).toEqual([1, 2]);
    expect(double.arraySync()).toEqual([2, 4]);
    expect(p.value.arraySync()).toEqual([5, 6]);
  });

  it("lets two tapes be open across an update, each with the value it saw", () => {
    const { tensor } = openSync();
    scope(() => {
      const p = param(tensor(3));
      const outer = diff(() => {
        const before = square(p);
        const inner = diff(() => {
          const y = mul(mul(p, p), before); // before is a constant on this tape
          p.value = tensor(100);
          return y;
        });
        expect(inner.grad(p).itemSync()).toBe(2 * 3 * 9);
        return add(before, mul(p, 2)); // 9 + 200: the new value
      });
      expect(outer.value.itemSync()).toBe(209);
      expect(outer.grad(p).itemSync()).toBe(6 + 2); // both versions
      expect(p.value.itemSync()).toBe(100);
    });
  });

  it("owns its value: scopes do not release it, assigning releases the old one", () => {
    const backend = openSync({ seed: 1 });
    const before = backend.live();
    const p = scope(() => param(backend.tensor([1, 2])));
    expect(backend.live()).toBe(before + 1);
    scope(() => {
      p.value = mul(p, 3);
      p.value = sub(p, 1);
    });
    expect(backend.live()).toBe(before + 1);
    expect(scope(() => p.value.arraySync())).toEqual([2, 5]);
  });

  it("refuses another shape, integers and numbers", () => {
    const { tensor } = openSync();
    const p = param(tensor([1, 2]));
    expect(() => (p.value = tensor([1]))).toThrow("param: a parameter of shape [2] was assigned a value of shape [1]");
    expect(() => param(tensor([1, 2], { dtype: "i32" }))).toThrow(
      "param: wanted floating-point values, got i32; use state() or cast",
    );
  });

  it("keeps a parameter assigned in diff part of the computation there, and plain afterwards", () => {
    const { tensor } = openSync();
    scope(() => {
      const p = param(tensor([1, 2]));
      const tape = diff(() => {
        p.value = mul(p, 2);
        return sum(square(p));
      });
      expect(p.value.arraySync()).toEqual([2, 4]);
      expect(tape.grad(p).arraySync()).toEqual([8, 16]); // of (2 p)²
    });
  });

  it("makes a value later, on the backend that it is used with", () => {
    const backend = openSync({ seed: 1 });
    const before = backend.live();
    const p = param({ shape: [2], dtype: "f32", create: (b) => add(backend.tensor([1, 2]), b === backend ? 1 : 0) });
    expect([p.shape, p.dtype, p.initialized]).toEqual([[2], "f32", false]);
    expect(() => mul(p, 2)).toThrow("param: this f32[2] has no value yet");
    scope(() =>
      expect(
        diff(() => sum(square(p.initialize(backend))))
          .grad(p)
          .arraySync(),
      ).toEqual([4, 6]),
    );
    expect([p.initialized, backend.live()]).toEqual([true, before + 1]);
    p.reset({ shape: [3], dtype: "f32", create: () => backend.zeros([3]) });
    expect([p.shape, p.initialized, backend.live()]).toEqual([[3], false, before]);
  });
});

describe("stopGradient", () => {
  it("cuts every tape", () => {
    const { tensor } = openSync();
    scope(() => {
      const p = param(tensor(3));
      const outer = diff(() => {
        const inner = diff(() => mul(stopGradient(square(p)), p)); // 9p, as a constant times p
        return add(inner.grad(p), p);
      });
      expect(outer.value.itemSync()).toBe(12);
      expect(outer.grad(p).itemSync()).toBe(1);
      expect(
        diff(() => mul(p, stopGradient(p)))
          .grad(p)
          .itemSync(),
      ).toBe(3);
    });
  });
});
