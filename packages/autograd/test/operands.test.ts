// Operands made inside a function that is differentiated twice live as long as the tapes that need them.
import { cast, gather, mul, scope, square, sum, take, type Tensor } from "@weft/tensor";
import { checkpoint, customGradient, grad } from "../src/index.ts";
import { openSync } from "@weft/conformance";
import { expect, test } from "vitest";

/** x · k², with a gradient by hand that uses the operand k. */
const scaled = customGradient((x: Tensor, k: Tensor) => ({
  value: mul(square(x), square(k)),
  pullback: (g: Tensor) => [mul(g, mul(mul(x, 2), square(k))), null],
}));

type Make = ReturnType<typeof openSync>["tensor"];
const ways: Record<string, (x: Tensor, tensor: Make) => Tensor> = {
  "integers of a gradient by hand": (x, tensor) => scaled(x, cast(tensor([1, 2]), "i32")),
  "floats of a gradient by hand": (x, tensor) => scaled(x, mul(tensor([1, 2]), 1)),
  "of a gradient by hand inside a checkpoint": (x, tensor) =>
    checkpoint((v: Tensor) => scaled(v, cast(tensor([1, 2]), "i32")))(x),
  "of a checkpoint": (x, tensor) =>
    checkpoint((v: Tensor, k: Tensor) => mul(square(v), square(k)))(x, mul(tensor([1, 2]), 1)),
  "of a product": (x, tensor) => mul(square(x), square(cast(tensor([1, 2]), "f32"))),
  "indices of take": (x, tensor) => take(mul(square(x), tensor([1, 4])), cast(tensor([0, 1]), "i32")),
  "indices of gather": (x, tensor) => gather(mul(square(x), tensor([1, 4])), cast(tensor([0, 1]), "i32")),
};

test.each(Object.entries(ways))("%s", (_, f) => {
  const backend = openSync({});
  const [x0, x1] = [3, -1];
  const x = backend.tensor([x0, x1]);
  const before = backend.live();
  const slope = (order: number): ((v: Tensor) => Tensor) =>
    order === 0 ? (v) => sum(square(f(v, backend.tensor))) : grad((v: Tensor) => sum(slope(order - 1)(v)));
  const slopes = scope(() => [1, 2, 3].map((order) => slope(order)(x).arraySync()));
  // y = (k² x²)², whose derivatives are 4 k⁴ x³, 12 k⁴ x² and 24 k⁴ x
  expect(slopes).toEqual([[4 * x0 ** 3, 64 * x1 ** 3], [12 * x0 ** 2, 192 * x1 ** 2], [24 * x0, 384 * x1]]); // prettier-ignore
  expect(backend.live()).toBe(before);
});
