// Batch normalization, whose gradient is written by hand, against its own formula: values and gradients of both orders.
import { grad, gradCheck, param, diff } from "@weft/autograd";
import { openSync } from "@weft/conformance";
import { add, div, mean, mul, reshape, square, sub, sqrt, sum, type Operand, type Tensor } from "@weft/tensor";
import { describe, expect, test } from "vitest";
import { batchNorm } from "../src/index.ts";

const { randn, tensor } = openSync({});
const list = async (x: Tensor) => [...(await x.data())];
const near = (a: readonly number[], b: readonly number[]) => {
  expect(a.length).toBe(b.length);
  a.forEach((value, i) => expect(value).toBeCloseTo(b[i]!, 9));
};

type NormFunction = (x: Operand, weight: Operand, bias: Operand) => Tensor;
const ours: NormFunction = (x, weight, bias) => batchNorm(x, weight, bias, { training: true });

describe.each([[[5, 3]], [[2, 3, 4]], [[2, 3, 2, 2]]])("x %j", (shape) => {
  const values = () => [randn(shape, { seed: 1 }), randn([3], { seed: 2 }), randn([3], { seed: 3 })] as const;
  const axis = shape.map((_, k) => k).filter((k) => k !== 1);
  const channels = shape.map((d, k) => (k === 1 ? d : 1));
  const plain: NormFunction = (x, weight, bias) => {
    const centered = sub(x, mean(x, { axis, keepDims: true }));
    const variance = mean(square(centered), { axis, keepDims: true });
    const [w, b] = [weight, bias].map((v) => reshape(v, channels)) as [Tensor, Tensor];
    return add(mul(div(centered, sqrt(add(variance, 1e-5))), w), b);
  };
  /** A scalar to which every element contributes differently. */
  const weighed = (form: NormFunction, ...args: Parameters<NormFunction>): Tensor =>
    sum(mul(square(form(...args)), randn(shape, { seed: 9 })));

  test("values and gradients are those of the formula", async () => {
    near(await list(ours(...values())), await list(plain(...values())));
    const [x, weight, bias] = values();
    const ps = [param(x), param(weight), param(bias)] as const;
    const [a, b] = [ours, plain].map((form) => diff(() => weighed(form, ...ps)));
    for (const p of a!.params) near(await list(a!.grad(p)), await list(b!.grad(p)));
    expect(a!.params.length).toBe(3);
    await gradCheck((x: Tensor, w: Tensor, b: Tensor) => weighed(ours, x, w, b), ...values());
  });

  test("so are gradients of gradients", async () => {
    const [x, weight, bias] = values();
    const second = (form: NormFunction, k: 0 | 1) =>
      grad((v: Tensor) =>
        sum(
          square(
            grad((w: Tensor) => (k === 0 ? weighed(form, w, v, bias) : weighed(form, v, w, bias)))(
              k === 0 ? x : weight,
            ),
          ),
        ),
      )(k === 0 ? weight : x);
    for (const k of [0, 1] as const) near(await list(second(ours, k)), await list(second(plain, k)));
    const twice = (form: NormFunction) =>
      grad((v: Tensor) => sum(square(grad((w: Tensor) => weighed(form, w, weight, bias))(v))))(x);
    near(await list(twice(ours)), await list(twice(plain)));
  });
});

test("a weight that is a number stays a float where x is an integer", async () => {
  const moments = { eps: 0, training: true };
  const whole = batchNorm(tensor([[1], [3]], { dtype: "i32" }), 0.5, 0.25, moments);
  expect(await list(whole)).toEqual([-0.25, 0.75].map((v) => expect.closeTo(v, 6)));
});

test("of nothing, batchNorm is checked like of anything, and gives a tensor of its own", () => {
  const { zeros, ones } = openSync();
  const x = zeros([0, 3]);
  const y = batchNorm(x, null, null, { training: true });
  y.release();
  expect([...x.dataSync()]).toEqual([]);
  expect(() => batchNorm(x, ones([7]), null, { training: true })).toThrow("batchNorm: ");
  expect(batchNorm(zeros([0]), null, null, { training: true }).shape).toEqual([0]);
});
