// Gradients of functions, of any order and any form of argument.
import { diff, grad, param, scope, stopGradient, valueAndGrad, vjp } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import {
  abs,
  add,
  cos,
  cumsum,
  div,
  exp,
  logSoftmax,
  matmul,
  max,
  maximum,
  mod,
  mul,
  pow,
  prod,
  relu,
  sin,
  slice,
  softmax,
  square,
  stack,
  sub,
  sum,
  take,
  tanh,
  where,
  type Tensor,
} from "@weft/tensor";
import { describe, expect, expectTypeOf, it } from "vitest";

const { tensor, randn } = openSync();
const f64 = (data: number | number[] | number[][]) => tensor(data, { dtype: "f64" });

describe("at the edge", () => {
  const values = [-1, 0, 0.5, 2, 3];
  it("pow along the exponent and the base, as PyTorch's", () => {
    const exponents = f64(values);
    const along = (f: (b: Tensor) => Tensor) => grad((b: Tensor) => sum(f(b)))(exponents).arraySync();
    expect(along((b) => pow(0, b))).toEqual([-Infinity, 0, 0, 0, 0]);
    expect(along((b) => pow(f64([0, 0, 0, 0, 0]), b))).toEqual([-Infinity, 0, 0, 0, 0]);
    expect(along((b) => pow(f64([-2, -2, -2, -2, -2]), b))).toEqual([NaN, NaN, NaN, NaN, NaN]);
    const base = grad((a: Tensor) => sum(pow(a, exponents)))(f64([0, 0, 0, 0, 0])).arraySync();
    expect(base).toEqual([-Infinity, 0, Infinity, 0, 0]);
    const below = grad((a: Tensor) => sum(pow(a, exponents)))(f64([-2, -2, -2, -2, -2])).arraySync();
    expect(below).toEqual([-0.25, -0, NaN, -4, 12]);
  });
  it("mod gives the whole quotient to the divisor", () => {
    const g = grad((b: Tensor) => sum(mod(f64([7, -7, 7, 1]), b)))(f64([2, 2, -2, 1e-3])).arraySync();
    expect(g).toEqual([-3, 4, 4, -999]); // 1e-3 as a double is a little more than a thousandth
  });
  it("tanh is flat far out, in GELU's other form too", () => {
    const gelu = (x: Tensor) => mul(mul(x, 0.5), add(tanh(mul(add(x, mul(pow(x, 3), 0.044715)), 0.7978845608)), 1));
    expect(grad((x: Tensor) => sum(tanh(x)))(f64([1000, -1000, 30])).arraySync()).toEqual([0, -0, 0].map(Math.abs));
    expect(grad((x: Tensor) => sum(gelu(x)))(f64([1000, -1000])).arraySync()).toEqual([1, 0]);
  });
});

describe("order", () => {
  it("1 to 9 of sin", () => {
    let f: (x: Tensor) => Tensor = sin;
    const cycle = [Math.sin, Math.cos, (v: number) => -Math.sin(v), (v: number) => -Math.cos(v)];
    for (let n = 0; n <= 9; n++) {
      expect(scope(() => f(f64(0.7)).itemSync())).toBeCloseTo(cycle[n % 4]!(0.7), 12);
      f = grad(f);
    }
  });

  it("3 of simple functions", () => {
    const third = (f: (x: Tensor) => Tensor, x: number) => scope(() => grad(grad(grad(f)))(f64(x)).itemSync());
    expect(third((x) => pow(x, 5), 2)).toBeCloseTo(60 * 4, 9);
    expect(third((x) => pow(x, 2), 0)).toBe(0);
    expect(third((x) => exp(mul(x, 2)), 0.5)).toBeCloseTo(8 * Math.E, 9);
    expect(third((x) => div(1, x), 2)).toBeCloseTo(-6 / 16, 9);
    expect(third((x) => mul(x, relu(x)), 3)).toBe(0);
    const tanh3 = (v: number) => (-2 + 6 * Math.tanh(v) ** 2) * (1 - Math.tanh(v) ** 2);
    expect(third((x) => x.tanh(), 0.3)).toBeCloseTo(tanh3(0.3), 9);
  });

  it("2 as a Hessian, row by row and by vectors", () => {
    // f = x₀² x₁ + x₁³: H = [[2x₁, 2x₀], [2x₀, 6x₁]]
    const f = (x: Tensor) => add(mul(square(take(x, 0)), take(x, 1)), pow(take(x, 1), 3));
    const hessian = (x: Tensor) => stack([0, 1].map((i) => grad((z: Tensor) => take(grad(f)(z), i))(x)));
    const product = (x: Tensor, v: Tensor) => grad((z: Tensor) => sum(mul(grad(f)(z), v)))(x);
    scope(() => {
      expect(hessian(f64([2, 3])).arraySync()).toEqual([
        [6, 4],
        [4, 18],
      ]);
      expect(product(f64([2, 3]), f64([1, -1])).arraySync()).toEqual([2, -14]);
    });
  });

  it("2 with respect to parameters: the penalty on an input gradient", () => {
    scope(() => {
      const w = param(f64([[1, 2], [3, 4]])); // prettier-ignore
      const x = f64([[0.5, -1]]);
      const tape = diff(() => {
        const g = grad((z: Tensor) => sum(square(matmul(z, w))))(x); // 2 z w wᵀ
        return sum(square(g));
      });
      const numeric = (i: number) => {
        const at = (h: number) => {
          const v = f64([1, 2, 3, 4].map((n, k) => (k === i ? n + h : n))).reshape([2, 2]);
          return sum(square(grad((z: Tensor) => sum(square(matmul(z, v))))(x))).itemSync();
        };
        return (at(1e-5) - at(-1e-5)) / 2e-5;
      };
      const got = tape.grad(w).dataSync();
      for (let i = 0; i < 4; i++) expect(got[i]).toBeCloseTo(numeric(i), 4);
    });
  });
});

describe("arguments", () => {
  it("several, in arrays and objects", () => {
    scope(() => {
      const f = (m: { w: Tensor; layers: Tensor[] }, x: Tensor, n: number) =>
        mul(sum(mul(mul(m.w, m.layers[0]!), mul(m.layers[1]!, x))), n);
      const m = { w: f64([2]), layers: [f64([3]), f64([5])] };
      const g = grad(f)(m, f64([7]), 1);
      expect(g.w.arraySync()).toEqual([105]);
      expect(g.layers.map((l) => l.arraySync())).toEqual([[70], [42]]);
      const [y, [gm, gx]] = valueAndGrad(f, [0, 1])(m, f64([7]), 10);
      expect(y.itemSync()).toBe(2100);
      expect(gm.layers[1]!.arraySync()).toEqual([420]);
      expect(gx.arraySync()).toEqual([300]);
    });
  });

  it("that are not differentiable are refused", () => {
    const labels = tensor([1, 2], { dtype: "i32" });
    expect(() => grad((x: Tensor) => sum(x))(labels)).toThrow(
      "grad: wanted floating-point tensors to differentiate, got i32[2]",
    );
    expect(() => grad((x: Tensor) => sum(x), 1)(labels)).toThrow(
      "grad: wanted tensors as argument 1 of 1, got undefined",
    );
    expect(() => grad((x: Tensor) => x)(f64([1, 2]))).toThrow("grad: the function must return a scalar");
    // @ts-expect-error a promise is no result
    expect(() => grad(async (x: Tensor) => sum(x))(f64([1]))).toThrow("it returned a promise; use diff");
  });

  it("that the result does not depend on have zeros", () => {
    scope(() => {
      expect(grad((x: Tensor) => f64(x.size))(f64([1, 2])).arraySync()).toEqual([0, 0]);
      expect(grad((x: Tensor) => sum(stopGradient(x)))(f64([1, 2])).arraySync()).toEqual([0, 0]);
    });
  });

  it("may be parameters, and leave parameters that f uses alone", () => {
    scope(() => {
      const p = param(f64([2, 3]));
      expect(grad((x: Tensor) => sum(mul(x, p)))(p as never).arraySync()).toEqual([2, 3]);
    });
  });
});

describe("vjp", () => {
  it("of a tree of results, many times", () => {
    scope(() => {
      const f = (a: Tensor, b: Tensor) => ({ product: mul(a, b), parts: [square(a)] as const });
      const [y, pullback] = vjp(f, f64([1, 2]), f64([3, 4]));
      expect(y.product.arraySync()).toEqual([3, 8]);
      const [ga, gb] = pullback({ product: f64([1, 1]), parts: [f64([10, 10])] });
      expect([ga.arraySync(), gb.arraySync()]).toEqual([[23, 44], [1, 2]]); // prettier-ignore
      const [ha, hb] = pullback({ product: f64([0, 1]), parts: [f64([0, 0])] });
      expect([ha.arraySync(), hb.arraySync()]).toEqual([[0, 4], [0, 2]]); // prettier-ignore
      expect(() => pullback({ product: f64([0]), parts: [f64([0, 0])] })).toThrow(
        "vjp: the pullback wants a gradient of shape [2], got [1]",
      );
    });
  });

  it("is differentiable itself", () => {
    scope(() => {
      const f = (x: Tensor) => sum(vjp((z: Tensor) => mul(square(z), z), x)[1](x)[0]); // 3x³
      expect(grad(f)(f64([2])).arraySync()).toEqual([36]);
    });
  });
});

describe("corners", () => {
  const of = (f: (x: Tensor) => Tensor, x: number[]) => scope(() => grad((z: Tensor) => sum(f(z)))(f64(x)).arraySync());

  it("ties and kinks", () => {
    expect(of((x) => max(x), [1, 3, 3, 2])).toEqual([0, 0.5, 0.5, 0]);
    expect(of((x) => maximum(x, 2), [1, 2, 3])).toEqual([0, 0.5, 1]);
    expect(scope(() => grad((a: Tensor) => sum(maximum(a, a)))(f64([1])).arraySync())).toEqual([1]);
    expect(of(relu, [-1, 0, 1])).toEqual([0, 0, 1]);
    expect(of(abs, [-1, 0, 1])).toEqual([-1, 0, 1]);
  });

  it("powers at 0 and products with zeros", () => {
    expect(of((x) => pow(x, 2), [0, 3])).toEqual([0, 6]);
    expect(of((x) => pow(x, 3), [0, 2])).toEqual([0, 12]);
    expect(of((x) => pow(x, f64([0, 1, 2, 3])), [0, 0, 0, 0])).toEqual([0, 1, 0, 0]);
    expect(of((x) => pow(0, x), [2, 3])).toEqual([0, 0]);
    expect(of((x) => prod(x), [0, 2, 5])).toEqual([10, 0, 0]);
    expect(of((x) => prod(x), [0, 0, 5])).toEqual([0, 0, 0]);
    expect(scope(() => grad((x: Tensor) => sum(grad((z: Tensor) => sum(pow(z, f64([0, 2]))))(x)))(f64([0, 0])).arraySync())).toEqual([0, 2]); // prettier-ignore
  });

  it("what was not chosen has no gradient, not NaN", () => {
    expect(of((x) => where(x.greater(0), mul(x, 2), 0), [-1, 2])).toEqual([0, 2]);
  });

  it("broadcasting is undone in every position, and dtypes restored", () => {
    scope(() => {
      const [ga, gb] = grad((a: Tensor, b: Tensor) => sum(mul(add(a, b), sub(a, b))), [0, 1])(f64([[1], [2]]), f64([3, 4, 5])); // prettier-ignore
      expect(ga.arraySync()).toEqual([[6], [12]]);
      expect(gb.arraySync()).toEqual([-12, -16, -20]);
      const g = grad((x: Tensor) => sum(mul(x, f64([1, 2]))))(tensor([1, 2]));
      expect([g.dtype, g.arraySync()]).toEqual(["f32", [1, 2]]);
      const scalar = grad((x: Tensor) => sum(mul(x, f64([[1, 2], [3, 4]]))))(f64(1)); // prettier-ignore
      expect([scalar.shape, scalar.itemSync()]).toEqual([[], 10]);
    });
  });

  it("movement with steps and scans in both directions", () => {
    expect(of((x) => mul(slice(x, { starts: [1], steps: [2] }), f64([10, 20])), [1, 2, 3, 4])).toEqual([0, 10, 0, 20]);
    expect(of((x) => mul(slice(x, { steps: [-2] }), f64([10, 20])), [1, 2, 3, 4])).toEqual([0, 20, 0, 10]);
    expect(of((x) => mul(cumsum(x), f64([1, 10, 100])), [0, 0, 0])).toEqual([111, 110, 100]);
  });

  it("fused operations have the gradients of their formulas", () => {
    scope(() => {
      const x = randn([3, 4], { seed: 3 });
      const w = randn([3, 4], { seed: 4 });
      const [a] = [grad((z: Tensor) => sum(mul(logSoftmax(z), w)))(x).dataSync()];
      const b = grad((z: Tensor) => sum(mul(sub(z, exp(z).sum({ axis: 1, keepDims: true }).log()), w)))(x).dataSync();
      for (const [i, v] of a.entries()) expect(v).toBeCloseTo(b[i]!, 9);
      const s = grad((z: Tensor) => sum(softmax(z)))(x).dataSync();
      for (const v of s) expect(v).toBeCloseTo(0, 9);
      expect(cos(x).shape).toEqual([3, 4]);
    });
  });
});

it("a pullback gives handles of their own, also where the gradient is what it was given", async () => {
  const [, pullback] = vjp((a: Tensor, b: Tensor) => add(a, b), f64([1, 2]), f64([3, 4]));
  const g = f64([5, 6]);
  const [ga, gb] = pullback(g);
  ga.release();
  expect([...(await gb.data())]).toEqual([5, 6]);
  gb.release();
  expect([...(await g.data())]).toEqual([5, 6]);
  expect([...(await pullback(g)[1].data())]).toEqual([5, 6]);
});

it("boxes are taken where tensors are differentiated, and only there", async () => {
  const [p, n] = [param(tensor([1, 2])), param(tensor(3))];
  const f = (m: { readonly w: Tensor }, by: Tensor) => sum(mul(m.w, mul(m.w, by)));
  const { w } = grad(f)({ w: p }, tensor(2));
  expect(await w.array()).toEqual([4, 8]);
  const [value, [gradient, factor]] = valueAndGrad(f, [0, 1])({ w: p }, n);
  expectTypeOf(gradient).toEqualTypeOf<{ readonly w: Tensor }>();
  expectTypeOf(factor).toEqualTypeOf<Tensor>();
  expect([await value.item(), await factor.item()]).toEqual([15, 5]);
  expect(await grad(grad((x: Tensor) => mul(x, mul(x, x))))(n).item()).toBe(18);
  // @ts-expect-error What is not differentiated is given to f as it is.
  grad(f)({ w: p }, n);
});
