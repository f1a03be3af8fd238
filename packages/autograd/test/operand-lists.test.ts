// Lists of operands belong to the caller: nothing writes to them, and nobody sees what the caller writes later.
import { add, apply, applyFused, mul, source, sum, type FusedOp, type Operand, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import { diff, grad, param } from "../src/index.ts";
import { openSync } from "@weft/tensor-cpu";

const b = openSync({});
const timesOp: FusedOp<undefined> = {
  name: "times",
  infer: ([x]) => [{ shape: (x as Tensor).shape, dtype: (x as Tensor).dtype }],
  fallback: ([x, y]) => [mul(x!, y!)],
  gradient: (_, [x, y]) => [(g) => mul(g, y!), (g) => mul(g, x!)],
};

test("one list for two calls in a diff", () => {
  const f = (x: Tensor): Tensor => {
    const list: Operand[] = [x, 2];
    const a = applyFused(timesOp, list, undefined)[0]!;
    list[1] = 200;
    const c = applyFused(timesOp, list, undefined)[0]!;
    const d = apply("mul", list, undefined);
    list[1] = 0;
    return sum(add(a, add(c, d)));
  };
  expect([...grad(f)(b.tensor([1, 2])).dataSync()]).toEqual([402, 402]);
});

test("one list with a parameter for two diffs", () => {
  const p = param(b.tensor([3]));
  const list: Operand[] = [p, p];
  for (let i = 0; i < 2; i++) {
    expect(diff(() => sum(applyFused(timesOp, list, undefined)[0]!)).value.itemSync()).toBe(9);
    expect(diff(() => sum(apply("mul", list, undefined))).value.itemSync()).toBe(9);
  }
  expect(list).toEqual([p, p]);
});

test("what is written to a list after the call changes nothing", () => {
  const list: Operand[] = [b.tensor([1, 2]), 3];
  const y = apply("mul", list, undefined);
  list[1] = 100;
  expect([...y.dataSync()]).toEqual([3, 6]);
  const value = [3];
  const filled = source(b, "full", value, { shape: [1], dtype: "f32" });
  value[0] = 4;
  expect([...filled.dataSync()]).toEqual([3]);
});
