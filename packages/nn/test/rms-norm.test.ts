// Root mean square normalization: its formula, gradients, and messages.
import { gradCheck, vjp } from "@weft/autograd";
import { scope, ShapeError, type Tensor } from "@weft/tensor";
import { openSync } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { rmsNorm } from "../src/index.ts";

const wave = (n: number, by: number): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => Math.sin(i * by) + 0.1);

test.each([
  [4, 7],
  [2, 3, 5],
  [3, 600],
])("is x / √(mean x² + eps) · weight, in a launch (%s, %s, %s)", (...shape) => {
  const b = openSync({});
  const n = shape.at(-1)!;
  const [data, weights] = [wave(shape.reduce((p, d) => p * d, 1), 0.7), wave(n, 1.3)]; // oxfmt-ignore
  const [x, w] = [b.tensor(data, { shape }), b.tensor(weights)];
  const before = b.stats().launches;
  const y = rmsNorm(x, w, { eps: 0.01 }).dataSync();
  expect(b.stats().launches - before).toBe(1);
  y.forEach((v, i) => {
    const row = [...data.subarray(i - (i % n), i - (i % n) + n)];
    const root = Math.sqrt(row.reduce((sum, a) => sum + a * a, 0) / n + 0.01);
    expect(v).toBeCloseTo((data[i]! / root) * weights[i % n]!, 6);
  });
});

test("has gradients of x and weight, of both orders", () => {
  const { tensor } = openSync({});
  const inputs = (["f64", "f32"] as const).map((dtype) => [
    tensor([...wave(12, 0.9)], { shape: [3, 4], dtype }),
    tensor([...wave(4, 1.1)], { dtype }),
  ]) as [[Tensor, Tensor], [Tensor, Tensor]];
  gradCheck((x, w) => rmsNorm(x, w), ...inputs[0]);
  const [exact, quick] = inputs.map((xs) =>
    scope(() => {
      const [y, pullback] = vjp(rmsNorm, ...xs);
      return pullback(y).map((g) => [...g.dataSync()]);
    }),
  ) as [number[][], number[][]];
  quick.forEach((g, i) => g.forEach((v, j) => expect(v).toBeCloseTo(exact[i]![j]!, 5)));
});

test("takes a number as weight, as layerNorm does", () => {
  const { tensor } = openSync({});
  const x = tensor([[1, 7], [3, 3]]); // oxfmt-ignore
  const near = (y: Tensor, wanted: number[]) =>
    expect([...y.dataSync()]).toEqual(wanted.map((v) => expect.closeTo(v, 6)));
  near(rmsNorm(x, 10, { eps: 0 }), [2, 14, 10, 10]);
  near(rmsNorm(x, 2, { eps: 0, axes: 2 }), [2 / 17 ** 0.5, 14 / 17 ** 0.5, 6 / 17 ** 0.5, 6 / 17 ** 0.5]);
});

test("names what does not fit", () => {
  const { zeros } = openSync({});
  expect(() => rmsNorm(zeros([2, 3]), zeros([2]))).toThrow(ShapeError);
  expect(() => rmsNorm(zeros([2, 3]), zeros([2]))).toThrow("rmsNorm: x [2, 3] ends in [3], weight is [2]");
  expect(() => rmsNorm(zeros([2, 0]), zeros([0]))).toThrow("rmsNorm: wanted rows with elements, got [2, 0]");
});
