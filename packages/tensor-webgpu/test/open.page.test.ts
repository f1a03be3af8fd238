// The same package in a page, on navigator.gpu: it opens, computes, draws the same bits, and tells of a lost device.
import { add, exp, matmul, sum } from "@weft/tensor";
import { openSync } from "@weft/tensor-cpu";
import { open } from "@weft/tensor-webgpu";
import { expect, test } from "vitest";

test("computes as the CPU does", async () => {
  const [gpu, cpu] = [await open({ seed: 4 }), openSync({ seed: 4 })];
  expect([...(await gpu.rand([300]).data())]).toEqual([...cpu.rand([300]).dataSync()]);
  const [x, y] = [gpu.rand([9, 20]), cpu.rand([9, 20])];
  const program = (a: typeof x) => exp(add(matmul(a, a.permute([1, 0])), sum(a, { axis: 1 })));
  const wanted = program(y).dataSync();
  (await program(x).data()).forEach((v, i) => expect(Math.abs(v / wanted[i]! - 1)).toBeLessThan(1e-5));
});

test("a lost device is told at the next read", async () => {
  const backend = await open({});
  const x = backend.tensor([1, 2]);
  backend.destroy();
  await expect(x.data()).rejects.toThrow("the device was lost");
});
