// WebGPU answers in Node on the software driver; where the driver is missing, the reason is printed with the skipped test.
import { test, expect, vi } from "vitest";
import { gpuOfTests } from "../packages/tensor-webgpu/test/device.ts";
import { addOneOnGpu } from "./gpu-probe.ts";

test("WebGPU computes in Node", async (context) => {
  const reason = process.env["WEFT_NO_DRIVER"];
  context.skip(reason !== undefined, reason);
  const { globals } = await import("webgpu");
  for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value);
  expect(await addOneOnGpu(await gpuOfTests())).toEqual([1, 2, 3, 4]);
});
