// Attributes of fused operations: what a plan depends on is part of its key, and what cannot be is refused at the call.
import { applyFused, ArgumentError, rowOp, scope, type Tensor } from "@weft/tensor";
import { expect, test } from "vitest";
import { dense, kernel, type Call } from "../src/kernels.ts";
import { openSync } from "../src/index.ts";

const timesOp = rowOp<any>("times", {
  operands: ["row"],
  write: (k, attrs, x) => [k.mul(x, k.constant(attrs?.factor ?? attrs?.list?.[0] ?? 2))],
});
const times = (x: Tensor, attrs: unknown): number[] => scope(() => [...applyFused(timesOp, [x], attrs)[0]!.dataSync()]);

test("an operation with other attributes is computed anew", () => {
  const x = openSync({}).tensor([1, 2]);
  for (const factor of [2, 3, -0.5]) expect(times(x, { factor })).toEqual([factor, 2 * factor]);
  for (const kind of [Array, Float32Array, Int32Array, Uint8Array])
    for (const factor of [2, 3]) expect(times(x, { list: kind.of(factor) })).toEqual([factor, 2 * factor]);
  for (const attrs of [undefined, {}, Object.create(null), { name: "x", none: null, nested: [[1], [true]] }])
    expect(times(x, attrs)).toEqual([2, 4]);
});

test.each<readonly [unknown, string]>([
  [2, "times: wanted a record such as { axis: 1 } as attributes, or undefined, got number 2"],
  [true, "times: wanted a record such as { axis: 1 } as attributes"],
  [new Map([["factor", 2]]), "times: wanted a record such as { axis: 1 } as attributes"],
  [[2], "times: wanted a record such as { axis: 1 } as attributes"],
  [{ factor: { by: 2 } }, "times: the attribute factor must be a number, a boolean, a string or a list of these, got"],
  [{ list: [new Map()] }, "times: the attribute list must be a number, a boolean, a string or a list of these, got"],
  [{ factor: () => 2 }, "times: the attribute factor must be"],
  [{ factor: 2n }, "times: the attribute factor must be"],
  [{ list: new DataView(new ArrayBuffer(4)) }, "times: the attribute list must be"],
])("the attributes %o are refused at the call", (attrs, message) => {
  const x = openSync({}).tensor([1, 2]);
  expect(() => applyFused(timesOp, [x], attrs)).toThrow(ArgumentError);
  expect(() => applyFused(timesOp, [x], attrs)).toThrow(message);
});

test("a type of attributes that cannot be part of a key does not compile", () => {
  const write = <V>(_: unknown, __: unknown, x: V): V[] => [x];
  // @ts-expect-error: a number is no record
  rowOp<number>("mine", { operands: ["row"], write });
  // @ts-expect-error: nor is a boolean
  rowOp<boolean>("mine", { operands: ["row"], write });
  // @ts-expect-error: a Map has functions
  rowOp<Map<string, number>>("mine", { operands: ["row"], write });
  // @ts-expect-error: a record in a record
  rowOp<{ a: { b: number } }>("mine", { operands: ["row"], write });
  rowOp<{ readonly a: number; b?: readonly string[]; c: Float32Array | null }>("mine", { operands: ["row"], write });
  const call: Call<{ factor: number }> = dense(() => ({ units: 0, scratch: 0, run: () => {} }));
  expect(kernel(rowOp<{ factor: number }>("mine", { operands: ["row"], write }), call).call).toBe(call);
});

test("a list of attributes is copied", () => {
  const b = openSync({});
  const x = b.tensor([1, 2]);
  const lists = [[5], Float32Array.of(5)];
  const ys = lists.map((list) => applyFused(timesOp, [x], { list })[0]!);
  for (const list of lists) list[0] = 7;
  for (const y of ys) expect([...y.dataSync()]).toEqual([5, 10]);
});
