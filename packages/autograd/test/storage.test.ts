// Gradients by parameters and arguments in storage dtypes have their dtype, however many parts they are summed from.
import { openSync } from "@weft/conformance";
import { add, cast, concat, mul, square, sum, take, type Operand, type Tensor } from "@weft/tensor";
import { describe, expect, test } from "vitest";
import { diff, grad, param } from "../src/index.ts";

const uses: Record<string, (x: Operand, indices: Tensor) => Operand> = {
  "a sum": (x) => x,
  "a product with itself": (x) => square(x),
  "two uses": (x) => add(mul(x, 2), mul(x, 3)),
  "a cast": (x) => cast(x, "f32"),
  "rows, one of them twice": (x, indices) => take(x, indices),
  "rows and the whole": (x, indices) => add(sum(take(x, indices)), sum(x)),
  "joined with itself": (x) => concat([x, x]),
};

describe.each(["f16", "bf16"] as const)("%s", (dtype) => {
  test.each(Object.entries(uses))("%s", (_, f) => {
    const { tensor } = openSync({});
    const x = tensor([[1], [2], [3]], { dtype });
    const indices = tensor([0, 2, 2], { dtype: "i32" });
    const wanted = grad((v: Tensor) => sum(f(v, indices)))(cast(x, "f32")).arraySync();
    const g = grad((v: Tensor) => sum(f(v, indices)))(x);
    expect([g.dtype, g.arraySync()]).toEqual([dtype, wanted]);
    const p = param(x);
    const tape = diff(() => sum(f(p, indices)));
    expect([tape.grad(p).dtype, tape.grad(p).arraySync()]).toEqual([dtype, wanted]);
  });
});
