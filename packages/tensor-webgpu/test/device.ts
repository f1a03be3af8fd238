// The software driver for these tests. Where it is missing, tests are skipped and say why.
import { describe, test } from "vitest";
import { everything } from "../../../test/extent.ts";

/** Why there is no driver here; `vitest.config.ts` prints it too. */
const missing = process.env["WEFT_NO_DRIVER"];

export const onDevice = test.skipIf(missing !== undefined);
/** What takes seconds, and whose like a short run has, too. */
export const longOnDevice = test.skipIf(missing !== undefined || !everything);
export const describeOnDevice = describe.skipIf(missing !== undefined);

let kept: GPU | undefined;
let device: Promise<GPUDevice> | undefined;

/** WebGPU itself. What `create` returns must stay referenced. */
export async function gpuOfTests(): Promise<GPU> {
  const { create } = (await import("webgpu")) as unknown as { create: (options: string[]) => GPU };
  return (kept ??= create(["disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension"]));
}

/** A new device for one test, with all the workgroup memory there is. */
export async function ownDevice(requiredLimits: Record<string, number> = {}): Promise<GPUDevice> {
  const adapter = (await (await gpuOfTests()).requestAdapter())!;
  const { maxComputeWorkgroupStorageSize } = adapter.limits;
  const requiredFeatures = (["subgroups"] as const).filter((name) => adapter.features.has(name));
  return adapter.requestDevice({
    requiredFeatures,
    requiredLimits: { maxComputeWorkgroupStorageSize, ...requiredLimits },
  });
}

/** A device that the tests share. */
export const bareDevice = (): Promise<GPUDevice> => (device ??= ownDevice());
