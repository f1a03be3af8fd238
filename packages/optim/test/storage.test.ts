// Parameters in storage dtypes: the step is computed in f32, where its state stays, and the new value is rounded.
import { diff, param } from "@weft/autograd";
import { matmul, mean, square, sub } from "@weft/tensor";
import { openSync } from "@weft/tensor-cpu";
import { expect, test } from "vitest";
import { adam } from "../src/index.ts";

test.each(["f16", "bf16"] as const)("a parameter in %s is updated, and keeps its dtype", (dtype) => {
  const backend = openSync({});
  const w = param(backend.tensor([[0.1], [0.2]], { dtype }));
  const x = backend.randn([64, 2], { seed: 1 });
  const y = matmul(x, backend.tensor([[1], [-2]]));
  const optimizer = adam({ params: [w], lr: 0.05 });
  for (let i = 0; i < 100; i++) optimizer.update(diff(() => mean(square(sub(matmul(x, w), y)))));
  const [[a], [b]] = w.value.arraySync() as number[][] as [[number], [number]];
  expect(w.dtype).toBe(dtype);
  expect(Math.abs(a - 1) + Math.abs(b + 2)).toBeLessThan(0.1);
});

test.each(["f16", "bf16"] as const)("the state of a parameter in %s is f32: small squares are not lost", (dtype) => {
  const backend = openSync({});
  const w = param(backend.tensor([1], { dtype }));
  const optimizer = adam({ lr: 1e-6 });
  for (let i = 0; i < 1000; i++) optimizer.apply([{ param: w, g: backend.tensor([i < 500 ? 1e-4 : 1e-2]) }]);
  const { m, v } = optimizer.stateOf(w)!;
  expect([m!.dtype, v!.dtype, w.dtype]).toEqual(["f32", "f32", dtype]);
  const [first, second] = [1e-8, 1e-4].map((g) => g * (1 - 0.999 ** 500));
  expect(v!.value.itemSync() / (first! * 0.999 ** 500 + second!)).toBeCloseTo(1, 4);
});
