// WebGPU answers in Node on the software driver; where the driver is missing, the reason is printed with the skipped test.
import { test, expect } from "vitest";
import { addOneOnGpu } from "./gpu-probe.ts";

test("WebGPU computes in Node", async (context) => {
  const reason = process.env["WEFT_NO_DRIVER"];
  context.skip(reason !== undefined, reason);
  const { create, globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  const gpu = create([]); // must stay referenced as long as anything made from it
  expect(await addOneOnGpu(gpu)).toEqual([1, 2, 3, 4]);
  expect(gpu).toBeDefined();
});
