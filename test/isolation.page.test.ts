// A page of the test browser has what the backends build on: shared memory, WebAssembly SIMD and WebGPU.
import { expect, test } from "vitest";
import { addOneOnGpu } from "./gpu-probe.ts";

test("the page is cross-origin isolated", () => {
  expect(crossOriginIsolated).toBe(true);
  expect(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer).toBeInstanceOf(SharedArrayBuffer);
});

test("WebGPU computes in the page", async () => {
  expect(await addOneOnGpu(navigator.gpu)).toEqual([1, 2, 3, 4]);
});
