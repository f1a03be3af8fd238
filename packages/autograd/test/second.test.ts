// Second order through boxes: parameters and state that get new values inside `diff`, as in MAML's inner loop.
import { checkpoint, diff, grad, param, scope, state, stopGradient, type Param } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { Chain, Linear, params, seed } from "@weft/nn";
import { adam, chain, momentum, sgd, weightDecay, type Optimizer } from "@weft/optim";
import { add, mean, mul, square, sub, sum, tanh, type Tensor } from "@weft/tensor";
import { open } from "@weft/tensor-cpu";
import { describe, expect, it } from "vitest";

const { tensor, randn } = openSync({ seed: 1 });
const f64 = (values: number | number[]) => tensor(values, { dtype: "f64" });
const lr = 0.1;
/** Σ w⁴ / 4, whose gradient is w³. */
const inner = (w: Param) => mul(sum(square(square(w))), 0.25);
const outer = (w: Param) => sum(mul(square(w), w)); // Σ w³
/** w ← w − lr w³, and the same by hand: the value, and its derivative with respect to the first w. */
function byHand(start: number, steps: number): [w: number, d: number] {
  let [w, d] = [start, 1];
  for (let k = 0; k < steps; k++) [w, d] = [w - lr * w ** 3, d * (1 - 3 * lr * w ** 2)];
  return [w, d];
}
const close = (got: Tensor, wanted: number[]) =>
  (got.arraySync() as number[]).forEach((g, i) => expect(g).toBeCloseTo(wanted[i]!, 12));
const starts = [0.7, -1.2];
const meta = (steps: number) => starts.map((w) => byHand(w, steps)).map(([w, d]) => 3 * w ** 2 * d);

describe("a parameter assigned inside diff", () => {
  it.each([1, 2, 5])("is differentiated through %d inner steps, and is plain afterwards", (steps) => {
    const w = param(f64(starts));
    const tape = diff(() => {
      for (let k = 0; k < steps; k++) {
        const step = diff(() => inner(w));
        w.value = sub(w, mul(step.grad(w), lr));
      }
      return outer(w);
    });
    close(tape.grad(w), meta(steps));
    close(
      w.value,
      starts.map((s) => byHand(s, steps)[0]),
    );
    expect(tape.params).toEqual([w]);
    const now = w.value.arraySync() as number[];
    close(
      diff(() => outer(w)).grad(w),
      now.map((v) => 3 * v * v),
    ); // a constant for the next tape
  });

  it("gives third order through two diffs around, and second order with grad inside", () => {
    const w = param(f64([0.7]));
    const first = diff(() => {
      const second = diff(() => {
        const step = diff(() => inner(w));
        w.value = sub(w, mul(step.grad(w), lr));
        return sum(square(w));
      });
      return second.grad(w); // 2 (w − lr w³)(1 − 3 lr w²), by the w at entry
    });
    const h = 1e-5;
    const g = (v: number) => 2 * (v - lr * v ** 3) * (1 - 3 * lr * v * v);
    expect(first.grad(w).arraySync()[0 as never]).toBeCloseTo((g(0.7 + h) - g(0.7 - h)) / (2 * h), 8);
    const p = param(f64(starts));
    const tape = diff(() => {
      p.value = sub(p, mul(grad((v: Tensor) => mul(sum(square(square(v))), 0.25))(p.read()), lr));
      return outer(p);
    });
    close(tape.grad(p), meta(1));
  });

  it("ends with a plain value or stopGradient: from then on it is a version of its own", () => {
    const w = param(f64([3]));
    const tape = diff(() => {
      const before = mul(w, 2);
      w.value = stopGradient(mul(w, 10));
      return sum(add(before, square(w)));
    });
    close(tape.grad(w), [2 + 60]); // both versions, as ever
    w.value = f64([3]);
    close(
      diff(() => {
        w.value = mul(w, 10);
        w.value = f64([5]);
        return sum(square(w));
      }).grad(w),
      [10],
    );
  });

  it("is seen by the tapes that wrap it, and by no others", async () => {
    const w = param(f64([2]));
    let go = (): void => undefined;
    const waiting = diff(async (t) => {
      w.value = mul(w, 3);
      await t.wait(new Promise<void>((resolve) => (go = resolve)));
      return sum(square(w)); // (3 w)²
    });
    close(diff(() => sum(square(w))).grad(w), [12]); // elsewhere a plain 6
    close(w.value, [6]);
    go();
    close((await waiting).grad(w), [36]);
  });

  it("may take the value of another parameter, which then has the gradient", () => {
    const [p, q] = [param(f64([2])), param(f64([5]))];
    const tape = diff(() => {
      p.value = mul(q, 2);
      return sum(square(p));
    });
    close(tape.grad(q), [40]);
    close(tape.grad(p), [0]);
  });

  it("refuses a value in which .value stands for the parameter, and takes stopGradient", () => {
    const w = param(f64(starts));
    const step = (from: () => Tensor) =>
      diff(() => {
        const g = diff(() => inner(w)).grad(w);
        w.value = sub(from(), mul(g, lr));
        return outer(w);
      });
    const message = /^param: a f64\[2\] got a value computed on a tape from its own \.value, which is a constant there/;
    expect(() => step(() => w.value)).toThrow(message);
    const old = w.value; // read before, the same
    expect(() => step(() => old)).toThrow(message);
    expect(() => step(() => stopGradient(w))).not.toThrow();
    // Plain steps on plain values are first order, as they say.
    w.value = f64(starts);
    const plain = diff(() => {
      const g = diff(() => inner(w)).grad(w);
      w.value = sub(w.value, mul(stopGradient(g), lr));
      return outer(w);
    });
    close(
      plain.grad(w),
      starts.map((s) => 3 * byHand(s, 1)[0] ** 2),
    );
  });

  it("owns its value and leaves nothing behind", () => {
    const backend = openSync({ seed: 1 });
    const w = scope(() => param(backend.tensor([1, 2])));
    const before = backend.live();
    for (let k = 0; k < 3; k++)
      scope(() => {
        const tape = diff(() => {
          scope(() => (w.value = sub(w, mul(diff(() => inner(w)).grad(w), lr))));
          return outer(w);
        });
        expect(tape.grad(w).shape).toEqual([2]);
      });
    expect(backend.live()).toBe(before);
  });
});

describe("optimizers inside diff", () => {
  const rules: Record<string, () => Optimizer> = {
    sgd: () => sgd({ lr }),
    momentum: () => momentum({ lr, gamma: 0.5 }),
    adam: () => adam({ lr }),
    "weight decay and sgd": () => chain(weightDecay(0.1), sgd({ lr })),
  };
  it.each(Object.entries(rules))("%s: the gradient through two updates is the difference quotient's", (_, rule) => {
    const w = param(f64(starts));
    const run = (start: number[]) => {
      w.value = f64(start);
      const optimizer = rule();
      return diff(() => {
        for (let k = 0; k < 2; k++) optimizer.update(diff(() => inner(w)));
        return outer(w);
      });
    };
    const tape = run(starts);
    const h = 1e-5;
    close(
      mul(tape.grad(w), 1e-5), // 1e-7 of the gradient
      starts.map((_, i) => {
        const at = (e: number) => run(starts.map((s, k) => (k === i ? s + e : s))).value.itemSync();
        return ((at(h) - at(-h)) / (2 * h)) * 1e-5;
      }),
    );
  });

  it("layers: the meta-gradient of every weight, through two steps of a network", () => {
    seed(1);
    const model = Chain(Linear(2, 3), tanh, Linear(3, 1));
    const [x, y] = [randn([5, 2], { seed: 1, dtype: "f64" }), randn([5, 1], { seed: 2, dtype: "f64" })];
    model(x);
    for (const p of params(model)) p.value = weftTensorLike(p);
    const first = params(model).map((p) => p.value);
    const loss = () => mean(square(sub(model(x), y)));
    const run = () =>
      diff(() => {
        for (let k = 0; k < 2; k++) {
          const tape = diff(loss);
          for (const p of tape.params) p.value = sub(p, mul(tape.grad(p), 0.3));
        }
        return loss();
      });
    const restore = () => params(model).forEach((p, k) => (p.value = first[k]!));
    const tape = run();
    const h = 1e-5;
    for (const [k, p] of params(model).entries()) {
      const direction = randn(p.shape, { seed: k + 5, dtype: "f64" });
      const at = (e: number) => {
        restore();
        p.value = add(first[k]!, mul(direction, e));
        return run().value.itemSync();
      };
      expect(sum(mul(tape.grad(p), direction)).itemSync()).toBeCloseTo((at(h) - at(-h)) / (2 * h), 8);
    }
  });
  const weftTensorLike = (p: Param) => mul(randn(p.shape, { seed: 7, dtype: "f64" }), 0.5);
});

describe("inside checkpoint", () => {
  const loop = (w: Param, steps: number) => {
    for (let k = 0; k < steps; k++) w.value = sub(w, mul(diff(() => inner(w)).grad(w), lr));
  };
  it("the whole inner loop", () => {
    const w = param(f64(starts));
    close(diff(() => checkpoint(() => (loop(w, 2), outer(w)))()).grad(w), meta(2));
    close(
      w.value,
      starts.map((s) => byHand(s, 2)[0]),
    );
  });

  it("what a call assigns to a box is part of its result", () => {
    const w = param(f64(starts));
    const tape = diff(() => {
      checkpoint(() => scope(() => loop(w, 1)))();
      checkpoint(() => loop(w, 2))();
      return outer(w);
    });
    close(tape.grad(w), meta(3));
    const [p, h] = [param(f64([0.5])), state(f64([2]))];
    const step = checkpoint(() => void (h.value = mul(h, p)));
    const steps = diff(() => {
      for (let k = 0; k < 3; k++) step();
      return sum(h.value);
    });
    close(steps.grad(p), [2 * 3 * 0.25]); // 2 p³
    close(h.value, [0.25]);
  });

  it("also in a checkpoint within a checkpoint", () => {
    const w = param(f64(starts));
    const tape = diff(() => checkpoint(() => (checkpoint(() => loop(w, 1))(), loop(w, 1), outer(w)))());
    close(tape.grad(w), meta(2));
  });
});

it.each([{}, { fuse: false }])("on the CPU backend, too: %j", async (settings) => {
  const backend = await open(settings);
  const w = param(backend.tensor(starts, { dtype: "f64" }));
  const tape = diff(() => {
    for (let k = 0; k < 3; k++) w.value = sub(w, mul(diff(() => inner(w)).grad(w), lr));
    return outer(w);
  });
  close(tape.grad(w), meta(3));
});
