// Machine code of calls: compiled once, and not kept without bound.
import { expect, test, vi } from "vitest";
import { openSync } from "../src/index.ts";
import { dense, I32, i32, kernel, machineCode, type CallMemory, type Module } from "../src/kernels.ts";
import { applyFused, scope, type FusedOp, type Tensor } from "@weft/tensor";

/** A memory that code can be compiled for: what a kernel is prepared with. */
function memory(): CallMemory {
  let found: CallMemory | undefined;
  const op: FusedOp<undefined> = {
    name: "mine",
    infer: ([x]) => [{ shape: (x as Tensor).shape, dtype: "f32" }],
    fallback: ([x]) => [x as Tensor],
  };
  const call = dense((m) => ((found = m), { units: 0, scratch: 0, run: () => {} }));
  const b = openSync({ kernels: [kernel(op, call)] });
  scope(() => applyFused(op, [b.tensor([1])], undefined)[0]!.dataSync());
  return found!;
}

test("the code that was not used for longest goes, and what runs stays", () => {
  const m = memory();
  const write = vi.fn((module: Module, value: number) => {
    const f = module.func("number", [], I32);
    f.result(i32.const(value));
  });
  const code = (value: number) => machineCode<"number">(m, `number ${value}`, (module) => write(module, value)).number;
  const first = code(0);
  expect(code(0)).toBe(first);
  expect(write).toHaveBeenCalledTimes(1);
  for (let i = 1; i < 3000; i++) {
    code(i);
    if (i % 100 === 0) code(1);
  }
  expect(write).toHaveBeenCalledTimes(3000);
  code(1);
  expect(write).toHaveBeenCalledTimes(3000);
  code(0);
  expect(write).toHaveBeenCalledTimes(3001);
  expect([first(), code(0)(), code(2999)()]).toEqual([0, 0, 2999]);
});
