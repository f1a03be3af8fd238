// Jacobians, Hessians and products with them: closed forms, central differences, trees, tapes around them.
import { customGradient, diff, grad, hessian, hvp, jacobian, jvp, param, scope, state, vjp } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import {
  add,
  concat,
  cos,
  div,
  exp,
  greater,
  matmul,
  mul,
  pow,
  sin,
  singularValues,
  softmax,
  square,
  stack,
  sum,
  svd,
  take,
  tanh,
  type Tensor,
} from "@weft/tensor";
import { describe, expect, it } from "vitest";
import { balanced } from "./backend.ts";

const { eye, tensor, randn, zeros } = openSync();
const f64 = (data: number | number[] | number[][]) => tensor(data, { dtype: "f64" });
const close = (x: Tensor, y: Tensor, digits = 9) => {
  expect(x.shape).toEqual(y.shape);
  expect([...x.dataSync()]).toEqual([...y.dataSync()].map((v) => expect.closeTo(v, digits)));
};
/** Central differences of f, a column per element of x. */
const columns = (f: (x: Tensor) => Tensor, x: Tensor): Tensor => {
  const values = [...x.dataSync()];
  const at = (k: number, h: number) => f(f64(values.map((v, i) => (i === k ? v + h : v))).reshape([...x.shape]));
  const parts = values.map((_, k) => at(k, 1e-5).sub(at(k, -1e-5)).div(2e-5));
  return stack(parts, { axis: -1 }).reshape([...parts[0]!.shape, ...x.shape]);
};

describe("jvp", () => {
  it("is the derivative along the tangents, for trees and several arguments", () => {
    scope(() => {
      const f = (m: { w: Tensor }, x: Tensor) => ({ y: mul(m.w, x), parts: [sum(square(x))] as const });
      const [value, tangent] = jvp(f, [{ w: f64([2, 3]) }, f64([5, 7])], [{ w: f64([1, 0]) }, f64([0, 10])]);
      expect(value.y.arraySync()).toEqual([10, 21]);
      expect(tangent.y.arraySync()).toEqual([5, 30]);
      expect(tangent.parts[0].itemSync()).toBe(140);
    });
  });
  it("agrees with central differences, through fused operations too", () => {
    scope(() => {
      const [x, v, w] = [
        randn([3, 4], { dtype: "f64" }),
        randn([3, 4], { dtype: "f64" }),
        randn([4, 5], { dtype: "f64" }),
      ];
      const f = (z: Tensor) => softmax(matmul(tanh(z), w));
      const [, t] = jvp(f, [x], [v]);
      close(
        t,
        f(add(x, mul(v, 1e-5)))
          .sub(f(add(x, mul(v, -1e-5))))
          .div(2e-5),
        7,
      );
    });
  });
  it("of what does not depend on the arguments is zero", () => {
    expect(jvp((x: Tensor) => f64([x.size, 2]), [f64(1)], [f64(1)])[1].arraySync()).toEqual([0, 0]);
  });
  it("refuses what does not fit", () => {
    const f = (x: Tensor) => square(x);
    expect(() => jvp(f, [f64([1, 2])], [f64([1])])).toThrow("jvp: the tangents want a tensor of shape [2], got [1]");
    expect(() => jvp(f, [f64([1])], [] as never)).toThrow("jvp: the arguments have 1 tensors, the tangents have 0");
    expect(() => jvp(f, f64([1]) as never, f64([1]) as never)).toThrow("jvp: wanted the arguments as an array");
    expect(() => jvp((x: Tensor) => x.cast("i32"), [f64([1])], [f64([1])])).toThrow("wanted floating-point results");
    expect(() => jvp((async (x: Tensor) => x) as never, [f64([1])], [f64([1])])).toThrow("it returned a promise");
  });
});

describe("jacobian", () => {
  it("has the shapes of the result and the argument, by rows and by columns", () => {
    scope(() => {
      const x = randn([2, 3], { dtype: "f64" });
      const few = (z: Tensor) => sum(sin(z), { axis: 1 });
      const many = (z: Tensor) => concat([sin(z), mul(cos(z), z)], { axis: 0 });
      close(jacobian(few)(x), columns(few, x), 8);
      close(jacobian(many)(x), columns(many, x), 8);
    });
  });
  it("of trees: each result has a tree of arguments", () => {
    scope(() => {
      const f = (a: { w: Tensor }, n: number, b: Tensor) => [mul(a.w, n), mul(sum(a.w), b)] as const;
      const [first, second] = jacobian(f, [0, 2])({ w: f64([1, 2]) }, 3, f64([4, 5, 6]));
      expect(first[0].w.arraySync()).toEqual([[3, 0], [0, 3]]); // prettier-ignore
      expect(first[1].arraySync()).toEqual([[0, 0, 0], [0, 0, 0]]); // prettier-ignore
      expect(second[0].w.arraySync()).toEqual([[4, 4], [5, 5], [6, 6]]); // prettier-ignore
      expect(second[1].arraySync()).toEqual([[3, 0, 0], [0, 3, 0], [0, 0, 3]]); // prettier-ignore
    });
  });
  it("of scalars and empty tensors", () => {
    scope(() => {
      expect(jacobian((x: Tensor) => square(x))(f64(3)).itemSync()).toBe(6);
      expect(jacobian((x: Tensor) => square(x))(zeros([0, 2])).shape).toEqual([0, 2, 0, 2]);
      expect(jacobian((x: Tensor) => concat([x, x]))(zeros([0])).shape).toEqual([0, 0]);
      expect(jacobian((x: Tensor) => sum(x))(zeros([0])).shape).toEqual([0]);
    });
  });
  it("refuses what cannot be differentiated", () => {
    expect(() => jacobian((x: Tensor) => x)(tensor([1], { dtype: "i32" }))).toThrow("jacobian: wanted floating-point");
    expect(() => jacobian((x: Tensor) => x, 1)(f64(1))).toThrow("jacobian: wanted tensors as argument 1 of 1");
    expect(() => hessian(3 as never)).toThrow("hessian: wanted a function as what is differentiated");
  });
  it(
    "leaves nothing behind",
    balanced(({ tensor }) => {
      using x = tensor([1, 2]);
      jacobian((z: Tensor) => square(z))(x).release();
      hvp((z: Tensor) => sum(square(z)), [x], [x]).forEach((y) => (Array.isArray(y) ? y[0]!.release() : y.release()));
      jvp((z: Tensor) => square(z), [x], [x]).forEach((y) => y.release());
      hessian((z: Tensor) => sum(square(z)))(x).release();
    }),
  );
});

describe("hessian and hvp", () => {
  const f = (x: Tensor) => add(mul(square(take(x, 0)), take(x, 1)), exp(mul(take(x, 1), 0.5)));
  it("of closed forms", () => {
    scope(() => {
      const wanted = [[6, 4], [4, 0.25 * Math.exp(1.5)]]; // prettier-ignore
      close(hessian(f)(f64([2, 3])), f64(wanted));
      const [y, [product]] = hvp(f, [f64([2, 3])], [f64([1, -1])]);
      close(y, f64(12 + Math.exp(1.5)));
      close(product, f64([2, 4 - 0.25 * Math.exp(1.5)]));
    });
  });
  it("of several arguments, in blocks", () => {
    scope(() => {
      const g = (a: Tensor, b: Tensor) => sum(mul(square(a), b));
      const [[aa, ab], [ba, bb]] = hessian(g, [0, 1])(f64([1, 2]), f64([3, 4]));
      expect(aa.arraySync()).toEqual([[6, 0], [0, 8]]); // prettier-ignore
      expect(ab.arraySync()).toEqual([[2, 0], [0, 4]]); // prettier-ignore
      expect(ba.arraySync()).toEqual(ab.arraySync());
      expect(bb.arraySync()).toEqual([[0, 0], [0, 0]]); // prettier-ignore
      const [, [va, vb]] = hvp(g, [f64([1, 2]), f64([3, 4])], [f64([1, 1]), f64([1, 0])]);
      expect(va.arraySync()).toEqual([8, 8]);
      expect(vb.arraySync()).toEqual([2, 4]);
    });
  });
  it("of vector functions", () => {
    scope(() => {
      const h = hessian((x: Tensor) => mul(square(x), take(x, 0)))(f64([2, 3]));
      expect(h.arraySync()).toEqual([[[12, 0], [0, 0]], [[0, 6], [6, 4]]]); // prettier-ignore
    });
  });
});

describe("under tapes", () => {
  it("are differentiated by arguments", () => {
    scope(() => {
      const x = f64([0.5, 1.5]);
      const cubes = (z: Tensor) => mul(square(z), z);
      close(grad((z: Tensor) => sum(jacobian(cubes)(z)))(x), f64([3, 9]));
      close(grad((z: Tensor) => sum(jvp(cubes, [z], [z])[1]))(x), f64([9 * 0.25, 9 * 2.25]));
      close(grad((z: Tensor) => sum(hvp((u: Tensor) => sum(cubes(u)), [z], [f64([1, 1])])[1][0]))(x), f64([6, 6]));
      close(jacobian(hessian((u: Tensor) => sum(cubes(u))))(f64([4])), f64([[[6]] as never]));
      close(vjp(jacobian(cubes), x)[1](f64([[1, 5], [5, 1]]))[0], f64([3, 9])); // prettier-ignore
      const [, twice] = jvp((u: Tensor) => jvp(cubes, [u], [f64([1, 1])])[1], [x], [f64([1, 1])]);
      close(twice, f64([3, 9]));
    });
  });
  it("are differentiated by parameters", () => {
    scope(() => {
      const w = param(f64([2, 3]));
      const tape = diff(() => sum(jacobian((z: Tensor) => mul(square(z), w))(f64([1, 10])))); // Σ 2 z w
      expect(tape.grad(w).arraySync()).toEqual([2, 20]);
    });
  });
});

describe("what an attacker tried", () => {
  const x = () => f64([1, 2]);
  const refused = (f: () => unknown, message: string) => scope(() => expect(f).toThrow(message));
  it("refuses a number in place of a result, which would pass for its own derivative", () => {
    refused(
      () => hessian(((v: Tensor) => v.size) as never)(x()),
      "hessian: wanted tensors as results, got the number 2",
    );
    refused(
      () => jacobian(((v: Tensor) => v.size) as never)(x()),
      "jacobian: wanted tensors as results, got the number 2",
    );
    refused(() => jvp((v: Tensor) => ({ loss: sum(v), n: 3 }), [x()], [x()]), "jvp: wanted tensors as results");
    refused(() => jvp((v: number) => v, [2], [1]), "jvp: wanted tensors as the tangents, got the number 1");
    const bare = (): { v: Tensor; n: number } => Object.assign(Object.create(null), { v: x(), n: 3 });
    refused(
      () => jvp(({ v, n }) => mul(v, n), [bare()], [bare()]),
      "jvp: wanted tensors as the tangents, got the number 3",
    );
  });
  it("refuses integers to differentiate", () => {
    refused(() => grad((v: Tensor) => sum(greater(v, 1)))(x()), "grad: the function must return a floating-point");
    refused(() => diff(() => sum(greater(param(x()), 1))).params, "diff: the function must return a floating-point");
  });
  it("keeps NaN of one derivative out of the others", () => {
    scope(() => {
      const h = hessian((v: Tensor, y: Tensor) => sum(pow(v, y)), [0, 1])(f64([-2]), f64([2]));
      expect(h[0][0].arraySync()).toEqual([[2]]);
      expect(h[1][1].arraySync()).toEqual([[NaN]]);
    });
  });
  it("differentiates through boxes that are made of a tensor on the tape", () => {
    scope(() => {
      for (const box of [param, state])
        expect(grad((v: Tensor) => sum(square(box(v))))(x()).arraySync()).toEqual([2, 4]);
      expect(hessian((v: Tensor) => sum(square(param(v))))(x()).arraySync()).toEqual([
        [2, 0],
        [0, 2],
      ]);
      const w = param(x());
      expect(
        diff(() => sum(square(state(mul(w, 3)))))
          .grad(w)
          .arraySync(),
      ).toEqual([18, 36]);
    });
  });
  it("says what a pullback of customGradient must give", () => {
    const given = [3, "a", [5], {}, Promise.resolve(), tensor([1, 1], { dtype: "i32" })];
    for (const g of given) {
      const f = customGradient((v: Tensor) => ({ value: square(v), pullback: (() => g) as never }));
      refused(() => grad((v: Tensor) => sum(f(v)))(x()), "customGradient: the pullback must give");
    }
  });
  it("finds gradients of singular values of any size", () => {
    scope(() => {
      for (const scale of [1e-30, 1, 1e19, 1e25, 1e37]) {
        const a = mul(tensor([[0.1, 0.2], [0.3, 0.1]]), scale); // prettier-ignore
        close(grad((m: Tensor) => sum(singularValues(m)))(a), tensor([[0, 1], [1, 0]]), 5); // prettier-ignore
        close(grad((m: Tensor) => sum(singularValues(m)))(mul(eye(2), scale)), eye(2), 5);
        const { u, vh } = svd(a);
        const g = grad((m: Tensor) => sum(mul(svd(m).u, tensor([[1, 2], [3, 4]]))))(a); // prettier-ignore
        expect([...g.dataSync(), ...u.dataSync(), ...vh.dataSync()].every(Number.isFinite)).toBe(true);
        const unscaled = grad((m: Tensor) => sum(mul(svd(m).u, tensor([[1, 2], [3, 4]]))))(div(a, scale)); // prettier-ignore
        close(mul(g, scale), unscaled, 3);
      }
    });
  });
});

it("a pullback refuses undefined as anything that is no tensor", () => {
  const [, pullback] = vjp((v: Tensor) => [square(v), sum(v)] as const, tensor([1, 2]));
  expect(() => pullback([undefined, tensor(1)] as never)).toThrow("vjp: the value has 2 tensors, the pullback got 1");
});
