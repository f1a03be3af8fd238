// Parameters in storage dtypes: the gradient and the step are computed in f32, and the new value is rounded.
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
