// Elementwise work after products and convolutions: by coordinates or by place, one element or four at once, with
// operands broadcast along any axis; compared with the CPU.
import { add, conv, matmul, maximum, mul, neg, permute, scope, stack, type Creation, type Tensor } from "@weft/tensor";
import { openSync } from "@weft/tensor-cpu";
import { expect } from "vitest";
import { open } from "../src/index.node.ts";
import { describeOnDevice, onDevice } from "./device.ts";

const relu = (x: Tensor): Tensor => maximum(x, 0);
const values = ({ tensor }: Creation, shape: readonly number[], by: number): Tensor => {
  const n = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Float32Array.from({ length: n }, (__, i) => Math.sin(i * by)),
    { shape },
  );
};

type Program = (make: (shape: readonly number[], by: number) => Tensor) => Tensor;

const programs: Record<string, Program> = {
  "a bias along columns": (x) => relu(add(matmul(x([20, 24], 0.3), x([24, 40], 0.7)), x([40], 0.9))),
  "a bias along columns that are no multiple of four": (x) =>
    relu(add(matmul(x([20, 24], 0.3), x([24, 39], 0.7)), x([39], 0.9))),
  "a bias along rows, and a term everywhere": (x) =>
    add(add(matmul(x([20, 24], 0.3), x([24, 40], 0.7)), x([20, 1], 0.9)), x([20, 40], 0.2)),
  "terms that lie across": (x) => add(matmul(x([20, 24], 0.3), x([24, 40], 0.7)), permute(x([40, 20], 0.2), [1, 0])),
  "the product is kept besides": (x) => {
    const y = matmul(x([20, 24], 0.3), x([24, 40], 0.7));
    return stack([y, relu(neg(y))]);
  },
  "many products, a bias for each": (x) =>
    relu(add(matmul(x([3, 20, 24], 0.3), x([3, 24, 8], 0.7)), x([3, 1, 8], 0.9))),
  "a convolution with a bias for each output": (x) =>
    relu(add(conv(x([3, 4, 8, 8], 0.3), x([8, 4, 3, 3], 0.7), { padding: 1 }), x([8, 1, 1], 0.9))),
  "a convolution with planes that are no multiple of four": (x) =>
    relu(add(conv(x([3, 4, 9, 7], 0.3), x([8, 4, 3, 3], 0.7)), x([8, 1, 1], 0.9))),
  "a convolution with a factor for each column": (x) =>
    mul(conv(x([3, 4, 8, 8], 0.3), x([8, 4, 3, 3], 0.7), { padding: 1 }), x([8], 0.9)),
};

describeOnDevice("work after products and convolutions", () => {
  for (const [name, program] of Object.entries(programs))
    onDevice(name, async () => {
      const [gpu, cpu] = [await open({}), openSync({})];
      const run = (b: Creation): Tensor => scope(() => program((shape, by) => values(b, shape, by)));
      const [got, wanted] = [await run(gpu as never).data(), await run(cpu).data()];
      expect(got.length).toBe(wanted.length);
      got.forEach((x, i) => expect(Math.abs(x - wanted[i]!), `element ${i}`).toBeLessThan(1e-4));
      gpu.destroy();
    });
});
