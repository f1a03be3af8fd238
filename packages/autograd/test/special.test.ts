// Gradients by hand, checkpoints, row-sparse gradients, and the check of gradients.
import { checkpoint, customGradient, diff, grad, gradCheck, GradientError, param, scope, state } from "@weft/autograd";
import { openSync, Reference } from "@weft/conformance";
import {
  at,
  add,
  applyFused,
  ArgumentError,
  cast,
  cumsum,
  exp,
  floor,
  matmul,
  mul,
  relu,
  round,
  sigmoid,
  square,
  sum,
  take,
  tanh,
  UnsupportedError,
  type DType,
  type FusedOp,
  type Operand,
  type Shape,
  type Tensor,
  type TypedArray,
} from "@weft/tensor";
import { creation } from "@weft/tensor/internals";
import { describe, expect, it, vi } from "vitest";
import { balanced } from "./backend.ts";
import type { Rules } from "../src/rule.ts";
import { rules } from "../src/rules.ts";

const backend = openSync();
const { tensor, randn, rand } = backend;
const f64 = (data: number | number[] | number[][]) => tensor(data, { dtype: "f64" });

describe("customGradient", () => {
  const roundThrough = customGradient((x: Tensor) => ({ value: round(x), pullback: (g) => g }));

  it("replaces the gradient, at every order", () => {
    scope(() => {
      expect(grad((x: Tensor) => sum(square(roundThrough(x))))(f64([1.4, 2.6])).arraySync()).toEqual([2, 6]);
      const second = grad((x: Tensor) => sum(grad((z: Tensor) => sum(square(roundThrough(z))))(x)));
      expect(second(f64([1.4, 2.6])).arraySync()).toEqual([2, 2]);
    });
  });

  it("goes through the pullback at order 2", () => {
    const cube = customGradient((x: Tensor) => ({
      value: mul(x, square(x)),
      pullback: (g) => mul(g, mul(3, square(x))),
    }));
    scope(() => {
      expect(grad((x: Tensor) => cube(x))(f64(2)).itemSync()).toBe(12);
      expect(grad(grad((x: Tensor) => cube(x)))(f64(2)).itemSync()).toBe(12);
      expect(grad(grad(grad((x: Tensor) => cube(x))))(f64(2)).itemSync()).toBe(6);
    });
  });

  it("takes several inputs and gives several values; what has no gradient gets zeros or null", () => {
    const pair = customGradient((a: Tensor, b: Tensor) => ({
      value: [mul(a, b), add(a, b)],
      pullback: (g, h) => [add(mul(g, b), h), null],
    }));
    scope(() => {
      const [ga, gb] = grad((a: Tensor, b: Tensor) => sum(pair(a, b)[0]!), [0, 1])(f64([2]), f64([3]));
      expect([ga.arraySync(), gb.arraySync()]).toEqual([[3], [0]]);
    });
  });

  it("keeps what its pullback closes over, in any scope", () => {
    const twice = customGradient((x: Tensor) => {
      const e = exp(x);
      return { value: e, pullback: (g) => mul(g, mul(e, 2)) };
    });
    scope(() => {
      const p = param(f64([0]));
      expect(
        diff(() => sum(scope(() => twice(p))))
          .grad(p)
          .arraySync(),
      ).toEqual([2]);
    });
  });

  it("refuses what would lose a gradient without notice, and wrong pullbacks", () => {
    scope(() => {
      const p = param(f64([2]));
      const uses = customGradient((x: Tensor) => ({ value: mul(x, p), pullback: (g) => g }));
      expect(() => diff(() => sum(uses(p)))).toThrow(
        "customGradient: the function uses a parameter [1] that is not among",
      );
      expect(() =>
        diff(() => {
          const y = square(p);
          return sum(customGradient((x: Tensor) => ({ value: mul(x, y), pullback: (g) => g }))(p));
        }),
      ).toThrow("customGradient: the function uses a tensor of the tape that is not among its arguments");
      const few = customGradient((x: Tensor, y: Tensor) => ({ value: mul(x, y), pullback: (g) => [g] }));
      expect(() => diff(() => sum(few(p, p)))).toThrow("the pullback must give 2 gradients, one per input; it gave 1");
      const wrong = customGradient((x: Tensor) => ({ value: x, pullback: () => f64([1, 2, 3]).reshape([3, 1]) }));
      expect(() => diff(() => sum(wrong(f64([1, 2]).mul(p))))).toThrow(
        "a gradient of shape [3,1] does not fit its operand of shape [2]",
      );
      expect(mul(uses(f64([3])), 1).arraySync()).toEqual([6]); // no tape: nothing to lose
    });
  });
});

describe("checkpoint", () => {
  const x = randn([4, 3], { seed: 1, dtype: "f64" });
  const w = param(randn([3, 3], { seed: 2, dtype: "f64" }));
  const v = param(randn([3, 3], { seed: 3, dtype: "f64" }));
  const block = (z: Tensor) => mul(tanh(matmul(sigmoid(matmul(z, w)), v)), rand([4, 3], { dtype: "f64" }).less(0.5));

  it("gives the gradients of the plain function, with the same random numbers", () => {
    scope(() => {
      const run = (f: (z: Tensor) => Tensor) => {
        backend.seed(5);
        const tape = diff(() => sum(square(f(f(x)))));
        return [tape.value.dataSync(), tape.grad(w).dataSync(), tape.grad(v).dataSync(), rand([2]).dataSync()];
      };
      expect(run(checkpoint(block))).toEqual(run(block));
      expect(run((z) => checkpoint(checkpoint(block))(z))).toEqual(run(block));
    });
  });

  it("gives the gradients of higher order of the plain function", () => {
    scope(() => {
      const smooth = (z: Tensor) => tanh(matmul(sigmoid(matmul(z, w)), v));
      const run = (f: (z: Tensor) => Tensor) => {
        const inner = (z: Tensor) => sum(square(f(z)));
        const tape = diff(() => sum(square(grad(inner)(x))));
        return [tape.value.itemSync(), ...tape.grad(w).dataSync(), ...tape.grad(v).dataSync()];
      };
      const [got, wanted] = [run(checkpoint(smooth)), run(smooth)];
      for (const [i, n] of got.entries()) expect(n).toBeCloseTo(wanted[i]!, 10);
    });
  });

  it("sees tensors that it closes over, and boxes as they were; writes once", () => {
    scope(() => {
      const p = param(f64([3]));
      const count = state(f64([0]));
      const tape = diff(() => {
        const y = square(p);
        const f = checkpoint((z: Operand) => {
          count.value = add(count, 1);
          return mul(mul(z, y), mul(p, count));
        });
        const [a, b] = [f(p), f(p)]; // p·p²·p·1 and p·p²·p·2
        p.value = f64([100]);
        return sum(add(a, b));
      });
      expect(tape.value.itemSync()).toBe(3 * 81);
      expect(tape.grad(p).arraySync()).toEqual([3 * 4 * 27]);
      expect(count.value.arraySync()).toEqual([2]);
    });
  });

  it("holds less", () => {
    const counting = openSync({ seed: 1 });
    const p = param(counting.tensor([0.5]));
    const long = (z: Tensor) => {
      let y = z;
      for (let i = 0; i < 100; i++) y = mul(y, 1.01);
      return y;
    };
    const held = (f: (z: Tensor) => Tensor) =>
      scope(() => {
        let most = 0;
        const before = counting.live();
        const tape = diff(() => {
          const y = f(f(f(mul(p, 2))));
          most = counting.live() - before;
          return sum(y);
        });
        expect(tape.grad(p).itemSync()).toBeCloseTo(2 * 1.01 ** 300, 9);
        return most;
      });
    expect(held(long)).toBeGreaterThan(300);
    expect(held(checkpoint(long))).toBeLessThan(10);
  });

  it(
    "leaves nothing behind",
    balanced((other) => {
      scope(() => {
        const f = checkpoint((z: Tensor) => sum(square(tanh(z))));
        grad(f)(other.tensor([1, 2]));
        f(other.tensor([1, 2]));
      });
    }),
  );
});

describe("row-sparse gradients", () => {
  const table = () => param(f64([[1, 2], [3, 4], [5, 6], [7, 8]])); // prettier-ignore
  const i32 = (data: number[] | number[][]) => tensor(data, { dtype: "i32" });

  it("stay rows from take to the parameter", () => {
    scope(() => {
      const p = table();
      const tape = diff(() => {
        const a = take(p, i32([[2, 0], [2, 2]])); // prettier-ignore
        return sum(add(sum(square(a)), sum(at(p, [1]))));
      });
      const rows = tape.sparseGrad(p)!;
      expect(rows.shape).toEqual([4, 2]);
      // the backward pass reaches the later use first
      expect(rows.indices.arraySync()).toEqual([1, 2, 0, 2, 2]);
      expect(rows.values.arraySync()).toEqual([[1, 1], [10, 12], [2, 4], [10, 12], [10, 12]]); // prettier-ignore
      expect(tape.grad(p).arraySync()).toEqual([[2, 4], [1, 1], [30, 36], [0, 0]]); // prettier-ignore
      const summed = rows.summed();
      expect(sum(square(summed.values)).itemSync()).toBe(4 + 16 + 2 + 900 + 1296);
      expect(summed.dense().arraySync()).toEqual(tape.grad(p).arraySync());
      expect(rows.scaled(2).dense().arraySync()).toEqual([[4, 8], [2, 2], [60, 72], [0, 0]]); // prettier-ignore
      expect(new Set(summed.indices.arraySync() as number[])).toEqual(new Set([0, 1, 2]));
    });
  });

  it("become dense when the parameter is used otherwise, and after anything else", () => {
    scope(() => {
      const p = table();
      const mixed = diff(() => add(sum(take(p, i32([0]))), sum(square(p))));
      expect(mixed.sparseGrad(p)).toBeUndefined();
      expect(mixed.grad(p).arraySync()).toEqual([[3, 5], [6, 8], [10, 12], [14, 16]]); // prettier-ignore
      const behind = diff(() => sum(take(mul(p, 2), i32([3, 3]))));
      expect(behind.sparseGrad(p)).toBeUndefined();
      expect(behind.grad(p).arraySync()).toEqual([[0, 0], [0, 0], [0, 0], [4, 4]]); // prettier-ignore
      const columns = diff(() => sum(take(p, i32([1]), { axis: 1 })));
      expect(columns.sparseGrad(p)).toBeUndefined();
      expect(columns.grad(p).arraySync()).toEqual([[0, 1], [0, 1], [0, 1], [0, 1]]); // prettier-ignore
    });
  });

  it("end with their tape", () => {
    const counting = openSync({ seed: 1 });
    const p = param(counting.zeros([5, 2]));
    const indices = counting.tensor([1, 1], { dtype: "i32" });
    const before = counting.live();
    const tape = diff(() => sum(take(p, indices)));
    expect(counting.live()).toBe(before + 3); // value, indices, values
    tape.grad(p);
    tape.release();
    scope(() => 0);
    expect(counting.live()).toBeLessThanOrEqual(before + 1);
  });
});

describe("gradCheck", () => {
  it("accepts right rules, by inputs and by parameters", async () => {
    const p = param(randn([3, 2], { seed: 9 }));
    await expect(
      gradCheck(
        (a: Tensor, m: { b: Tensor }) => [relu(matmul(a, m.b)), cumsum(matmul(a, p))],
        randn([2, 3], { seed: 7 }),
        {
          b: randn([3, 2], { seed: 8 }),
        },
      ),
    ).resolves.toBe(true);
    await expect(gradCheck(() => mul(square(p), rand([3, 2])))).resolves.toBe(true);
  });

  it("catches a wrong rule and names the place", async () => {
    const wrong = customGradient((x: Tensor) => ({ value: mul(square(x), x), pullback: (g) => mul(g, square(x)) }));
    await expect(gradCheck((x: Tensor) => wrong(x), f64([1, 2]))).rejects.toThrow(GradientError);
    await expect(gradCheck((x: Tensor) => wrong(x), f64([1, 2]))).rejects.toThrow(
      /^gradCheck: input 0 of shape \[2\], element 0: the rules give .*, central differences give /,
    );
    const spoilt = rules as { -readonly [K in keyof Rules]: Rules[K] };
    const { tanh: right } = spoilt;
    spoilt.tanh = (y) => [(g) => mul(g, add(1, square(y)))];
    try {
      await expect(gradCheck((x: Tensor) => tanh(x), f64([1, 2]))).rejects.toThrow(GradientError);
    } finally {
      spoilt.tanh = right;
    }
    await expect(gradCheck((x: Tensor) => mul(floor(x), x), f64([1.5]))).resolves.toBe(true);
  });

  it("says to use the CPU on a backend without f64", async () => {
    class Single extends Reference {
      override run(...args: Parameters<Reference["run"]>): Tensor {
        if (args[4] === "f64") throw new UnsupportedError("single: no f64");
        return super.run(...args);
      }
      override upload(data: TypedArray, shape: Shape, dtype: DType): Tensor {
        if (dtype === "f64") throw new UnsupportedError("single: no f64");
        return super.upload(data, shape, dtype);
      }
    }
    const single = Object.assign(new Single(), { name: "single" as never });
    const x = creation(single).tensor([1, 2]);
    await expect(gradCheck((z: Tensor) => square(z), x)).rejects.toThrow(
      "gradCheck: single has no f64, which central differences need. Check on the CPU backend.",
    );
  });
});

describe("what a function returns that is no new tensor", () => {
  it("is itself: cycles, properties, identity", () => {
    const x = tensor([1, 2]);
    const result: { y: Tensor; self?: unknown } = { y: mul(x, 2) };
    result.self = result;
    expect(checkpoint(() => result)()).toBe(result);
    const list = Object.assign([exp(x)], { note: "kept" });
    expect(checkpoint(() => list)()).toBe(list);
    const [again] = checkpoint((z: Tensor) => [z])(x);
    expect(again).not.toBe(x);
  });

  it("of a function that gives no gradient says what it should have returned", () => {
    const wrong = customGradient as unknown as (f: (x: Tensor) => unknown) => (x: Tensor) => unknown;
    for (const f of [
      (x: Tensor) => mul(x, 2),
      () => undefined,
      (x: Tensor) => ({ value: x }),
      () => ({ pullback: exp }),
    ])
      expect(() => wrong(f)(tensor([1]))).toThrow(/^customGradient: the function must return \{ value, pullback \}/);
    const shapes = customGradient((x: Tensor) => ({ value: mul(x, 2), pullback: () => tensor([1, 2, 3]) }));
    expect(() => grad((x: Tensor) => sum(shapes(x)))(tensor([1, 2]))).toThrow(
      /^customGradient: a gradient of shape \[3\]/,
    );
  });
});

describe("fused operations", () => {
  const run = (fused: FusedOp, x: Tensor): Tensor => applyFused(fused, [x], undefined)[0]!;
  const plain: FusedOp = {
    name: "double",
    infer: ([x]) => [{ shape: (x as Tensor).shape, dtype: (x as Tensor).dtype }],
    fallback: ([x]) => [add(x!, x!)],
  };
  const derivative = vi.fn(() => [(g: Tensor) => mul(g, 2)]);
  const own: FusedOp = { ...plain, gradient: derivative };

  /** A backend with a kernel for one of them, which counts its runs. */
  function having(kernel: FusedOp) {
    const runFused = vi.fn((fused: FusedOp, [x]: readonly unknown[]) =>
      fused === kernel ? [mul(x as Tensor, 2)] : undefined,
    );
    return { b: Object.assign(new Reference(), { runFused }), runFused };
  }

  it.each([
    [() => [], /^double: gradient must give 1 pullbacks \(functions or undefined\), got \[\]$/],
    [() => [(g: Tensor) => g, undefined], /^double: gradient must give 1 pullbacks .*, got \[.*, undefined\]$/],
    [() => undefined, /^double: gradient must give 1 pullbacks .*, got undefined$/],
    [() => [3], /^double: gradient must give 1 pullbacks .*, got \[3\]$/],
    [() => [() => undefined], /^double: wanted a tensor, .*, got undefined$/],
    [() => [() => 2], /^double: wanted a tensor, got the number 2$/],
  ])("whose gradient is wrong are refused (%#)", (gradient, message) => {
    const wrong: FusedOp = { ...plain, gradient: gradient as never };
    const call = (): unknown => grad((x: Tensor) => sum(run(wrong, x)))(tensor([1, 2]));
    expect(call).toThrow(ArgumentError);
    expect(call).toThrow(message);
  });

  it.each([
    [() => [], /^double: fallback must give \[f32\[2\]\], as infer says, got \[\]$/],
    [
      (x: Tensor) => [x, x],
      /^double: fallback must give \[f32\[2\]\], as infer says, got \[a tensor .*, a tensor .*\]$/,
    ],
    [() => 3, /^double: fallback must give \[f32\[2\]\], as infer says, got number 3$/],
    [(x: Tensor) => x, /^double: fallback must give \[f32\[2\]\], as infer says, got a tensor f32\[2\]$/],
    [() => [2], /^double: fallback must give \[f32\[2\]\], as infer says, got \[2\]$/],
    [(x: Tensor) => [sum(x)], /^double: fallback must give \[f32\[2\]\], as infer says, got \[a tensor f32\[\]\]$/],
    [(x: Tensor) => [exp(square(x)).reshape([1, 2])], /got \[a tensor f32\[1, ?2\]\]$/],
    [
      (x: Tensor) => [cast(x, "i32")],
      /^double: fallback must give \[f32\[2\]\], as infer says, got \[a tensor i32\[2\]\]$/,
    ],
    [() => Promise.resolve([]), /^double: fallback must give \[f32\[2\]\], as infer says, got Promise$/],
  ])("whose fallback is wrong are refused (%#)", (fallback, message) => {
    const wrong: FusedOp = { ...plain, fallback: ([x]) => fallback(x as Tensor) as never };
    expect(() => run(wrong, tensor([1, 2]))).toThrow(ArgumentError);
    expect(() => run(wrong, tensor([1, 2]))).toThrow(message);
    expect(() => grad((x: Tensor) => sum(run(wrong, x)))(tensor([1, 2]))).toThrow(message);
  });

  it("a shape that is none is refused", () => {
    const wrong: FusedOp = { ...plain, infer: () => [{ shape: [-1], dtype: "f32" }] };
    expect(() => run(wrong, tensor([1, 2]))).toThrow(
      "double: fallback must give [f32[-1]], as infer says, got [a tensor f32[2]]",
    );
  });

  it("results have handles of their own, whatever the fallback gives", () => {
    const same: FusedOp = {
      name: "same",
      infer: ([x]) => [x as Tensor, x as Tensor, x as Tensor],
      fallback: ([x]) => {
        const y = add(x!, 1);
        return [x as Tensor, y, y];
      },
    };
    const b = new Reference();
    const x = creation(b).tensor([1, 2]);
    const before = b.live();
    const [a, y, z] = applyFused(same, [x], undefined) as [Tensor, Tensor, Tensor];
    a.release();
    y.release();
    expect([x, z].map((t) => t.arraySync())).toEqual([[1, 2], [2, 3]]); // prettier-ignore
    z.release();
    expect(b.live()).toBe(before);
    const g = grad((t: Tensor) => applyFused(same, [t], undefined).reduce((s, r) => add(s, sum(mul(r, r))), sum(t)));
    expect(g(x).arraySync()).toEqual([11, 17]);
  });

  it.each([
    ["a kernel", true],
    ["none", false],
  ])("with a derivative are one entry, whether the backend has %s", (_, kernel) => {
    const { b, runFused } = having(kernel ? own : plain);
    const x = creation(b).tensor([1, 2]);
    derivative.mockClear();
    scope(() => {
      const g = grad((z: Tensor) => sum(run(own, z)));
      expect(g(x).arraySync()).toEqual([2, 2]);
      expect(runFused).toHaveBeenCalledTimes(1);
      expect(derivative).toHaveBeenCalledTimes(1);
      const second = grad((z: Tensor) => sum(square(g(z.mul(z)).mul(z))));
      expect(second(x).arraySync()).toEqual([8, 16]);
      expect(derivative.mock.calls.length).toBeGreaterThan(1);
    });
  });

  it("without one are the primitives of their fallback", () => {
    const { b, runFused } = having(plain);
    const x = creation(b).tensor([1, 2]);
    scope(() => {
      expect(grad((z: Tensor) => sum(run(plain, z)))(x).arraySync()).toEqual([2, 2]);
      expect(runFused).not.toHaveBeenCalled();
      expect(run(plain, x).arraySync()).toEqual([2, 4]);
      expect(runFused).toHaveBeenCalledTimes(1);
    });
  });
});
