// Lifetimes of handles: nested tapes and scopes, boxes, and what leaves them.
import { customGradient, diff, grad, keep, param, scope, valueAndGrad, vjp } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { add, mul, ReleasedTensorError, ShapeError, square, sum, tanh, type Tensor } from "@weft/tensor";
import { context } from "@weft/tensor/internals";
import { describe, expect, it } from "vitest";
import { balanced } from "./backend.ts";

describe("diff", () => {
  it("gives the value and the gradients, and releases the rest", () => {
    const backend = openSync({ seed: 1 });
    const p = param(backend.tensor([1, 2, 3]));
    const q = param(backend.tensor([4]));
    const before = backend.live();
    scope(() => {
      const tape = diff(() => sum(mul(square(p), q)));
      expect(tape.value.itemSync()).toBe(56);
      expect(tape.params).toEqual([p, q]);
      expect(tape.grad(p).arraySync()).toEqual([8, 16, 24]);
      expect(tape.grad(q).arraySync()).toEqual([14]);
      expect(backend.live()).toBe(before + 3);
    });
    expect(backend.live()).toBe(before);
  });

  it("gives zeros for a parameter that was not used", () => {
    const { tensor } = openSync();
    const [p, q] = [param(tensor([1, 2])), param(tensor([3]))];
    scope(() => {
      const tape = diff(() => sum(p));
      expect(tape.grad(q).arraySync()).toEqual([0]);
      expect(tape.params).toEqual([p]);
      expect(
        diff(() => tensor(3))
          .grad(p)
          .arraySync(),
      ).toEqual([0, 0]);
    });
  });

  it("takes a result of one element, a parameter itself, and nothing larger", () => {
    const { tensor } = openSync();
    const p = param(tensor([[2]]));
    const q = param(tensor([1, 2]));
    scope(() => {
      expect(
        diff(() => mul(p, p))
          .grad(p)
          .arraySync(),
      ).toEqual([[4]]);
      expect(
        diff(() => p)
          .grad(p)
          .arraySync(),
      ).toEqual([[1]]);
      expect(() => diff(() => mul(q, 2))).toThrow(
        new ShapeError("diff: the function must return a scalar, got shape [2]; use sum or mean"),
      );
    });
  });

  it("releases everything when its function throws", () => {
    const backend = openSync({ seed: 1 });
    const p = param(backend.tensor([1, 2]));
    const before = backend.live();
    expect(() =>
      diff(() => {
        mul(square(p), 2);
        throw new Error("mine");
      }),
    ).toThrow("mine");
    expect(backend.live()).toBe(before);
    scope(() =>
      expect(
        diff(() => sum(p))
          .grad(p)
          .arraySync(),
      ).toEqual([1, 1]),
    );
  });

  it("releases everything when the backward pass throws, on long tapes too", () => {
    const backend = openSync({ seed: 1 });
    const p = param(backend.tensor([1, 2]));
    const before = backend.live();
    const failing = customGradient((x: Tensor) => ({
      value: square(x),
      pullback: (): Tensor => {
        throw new Error("mine");
      },
    }));
    for (const n of [1, 2000]) {
      expect(() =>
        diff(() => {
          let y = failing(p);
          for (let i = 0; i < n; i++) y = add(y, p);
          return sum(y);
        }),
      ).toThrow("mine");
      expect([backend.live(), context.tape, context.scope]).toEqual([before, undefined, undefined]);
    }
  });

  it("lets a tape be released by hand or by `using`, and says so afterwards", () => {
    const backend = openSync({ seed: 1 });
    const p = param(backend.tensor([1, 2]));
    const before = backend.live();
    const tape = diff(() => sum(square(p)));
    const { value } = tape;
    expect(backend.live()).toBe(before + 2);
    tape.release();
    tape.release();
    expect(backend.live()).toBe(before);
    expect(() => mul(value, 2)).toThrow(ReleasedTensorError);
    expect(() => tape.grad(p)).toThrow(/^grad: this tape was released at (?!at )[^\n]*lifetimes\.test\.ts:\d+:\d+\)?$/);
    {
      using other = diff(() => sum(square(p)));
      expect(other.value.itemSync()).toBe(5);
    }
    expect(backend.live()).toBe(before);
  });

  it("does not release a tensor that its function returned but did not make", () => {
    const backend = openSync({ seed: 1 });
    const mine = backend.tensor(7);
    diff(() => mine).release();
    expect(mine.itemSync()).toBe(7);
  });

  it("keeps what is kept, as a plain value", () => {
    const backend = openSync({ seed: 1 });
    const p = param(backend.tensor([1, 2]));
    const before = backend.live();
    let kept!: Tensor;
    let lost!: Tensor;
    scope(() => {
      diff(() => {
        lost = square(p);
        kept = keep(mul(p, 10));
        return sum(kept);
      });
    });
    expect(kept.arraySync()).toEqual([10, 20]);
    expect(add(kept, 1).interpreter.level).toBe(0);
    expect(() => add(lost, 1)).toThrow(/released when diff\(/);
    kept.release();
    expect(backend.live()).toBe(before + 1); // the sum above, outside of any scope
  });

  it("is transparent when closed: what left it is a constant for the next tape", () => {
    const { tensor } = openSync();
    const p = param(tensor([3]));
    scope(() => {
      let y!: Tensor;
      diff(() => sum((y = keep(square(p)))));
      const tape = diff(() => sum(mul(y, p)));
      expect(tape.grad(p).arraySync()).toEqual([9]);
    });
  });

  it("returns through a scope with its value and gradients", () => {
    const backend = openSync({ seed: 1 });
    const p = param(backend.tensor([1, 2]));
    const before = backend.live();
    scope(() => {
      const tape = scope(() => diff(() => sum(square(p))));
      expect(tape.grad(p).arraySync()).toEqual([2, 4]);
      expect(backend.live()).toBe(before + 2);
    });
    expect(backend.live()).toBe(before);
  });
});

describe("nesting", () => {
  it(
    "hands what an outer tape recorded to that tape: scope in diff",
    balanced((backend) => {
      scope(() => {
        const f = (x: Tensor) => {
          const y = scope(() => {
            const plain = backend.tensor([5, 7]); // not on any tape, but needed on the way back
            const temporary = mul(x, plain);
            return mul(temporary, x);
          });
          return sum(y);
        };
        expect(grad(f)(backend.tensor([1, 2])).arraySync()).toEqual([10, 28]);
      });
    }),
  );

  it(
    "nested diff with one parameter in both",
    balanced((backend) => {
      scope(() => {
        const p = param(backend.tensor([2, 3]));
        const outer = diff(() => {
          const inner = diff(() => sum(mul(square(p), p))); // 3p²
          return sum(mul(inner.grad(p), p)); // 3p³ → 9p²
        });
        expect(outer.value.itemSync()).toBe(3 * (8 + 27));
        expect(outer.grad(p).arraySync()).toEqual([36, 81]);
        p.reset({ shape: [], dtype: "f32", create: () => backend.zeros([]) });
      });
    }),
  );

  it("the value of a nested diff is on the outer tape", () => {
    const { tensor } = openSync();
    scope(() => {
      const p = param(tensor([2]));
      const outer = diff(() => mul(diff(() => sum(square(p))).value, 3));
      expect(outer.grad(p).arraySync()).toEqual([12]);
    });
  });

  it("does not confuse perturbations", () => {
    const { tensor } = openSync();
    scope(() => {
      // d/dx x · d/dy (x + y) = 1, and 2 if the inner derivative also counts x.
      const f = (x: Tensor) => mul(x, grad((y: Tensor) => add(x, y))(tensor(1)));
      expect(grad(f)(tensor(3)).itemSync()).toBe(1);
      const g = (x: Tensor) => mul(x, grad((y: Tensor) => mul(x, y))(tensor(2)));
      expect(grad(g)(tensor(3)).itemSync()).toBe(6);
      const p = param(tensor(3));
      const tape = diff(() => mul(p, grad((y: Tensor) => mul(p, y))(tensor(2))));
      expect(tape.grad(p).itemSync()).toBe(6);
    });
  });

  it(
    "leaves nothing behind in grad, valueAndGrad and vjp of three levels",
    balanced((backend) => {
      scope(() => {
        const f = (x: Tensor) => sum(mul(square(x), tanh(x)));
        const third = grad((x: Tensor) => sum(grad((z: Tensor) => sum(grad(f)(z)))(x)));
        third(backend.tensor([0.5, 1]));
        valueAndGrad(f)(backend.tensor([1, 2]));
        const [, pullback] = vjp(f, backend.tensor([1, 2]));
        pullback(backend.tensor(1));
        pullback(backend.tensor(2));
      });
    }),
  );
});

describe("long tapes", () => {
  it("release what the backward pass has finished, and give the same gradient", () => {
    const backend = openSync({ seed: 1 });
    const p = param(backend.tensor([1.0001], { dtype: "f64" }));
    const before = backend.live();
    scope(() => {
      let most = 0;
      const tape = diff(() => {
        let y = mul(p, 1);
        for (let i = 0; i < 5000; i++) y = mul(y, p);
        most = backend.live();
        return sum(y);
      });
      expect(most).toBeGreaterThan(before + 5000);
      expect(tape.grad(p).itemSync()).toBeCloseTo(5001 * 1.0001 ** 5000, 6);
      expect(backend.live()).toBe(before + 2);
    });
  });
});
