// The software driver under these tests, and tests that are skipped, with the reason, where it is missing.
import { describe, test } from "vitest";

/** Why there is no driver here; `vitest.config.ts` prints it too. */
const missing = process.env["WEFT_NO_DRIVER"];

export const onDevice = test.skipIf(missing !== undefined);
export const describeOnDevice = describe.skipIf(missing !== undefined);

let kept: GPU | undefined;
let device: Promise<GPUDevice> | undefined;

/** A device of the tests' own, with all the workgroup memory there is. What `create` gives has to stay referenced. */
export function bareDevice(): Promise<GPUDevice> {
  return (device ??= (async () => {
    const { create } = (await import("webgpu")) as unknown as { create: (options: string[]) => GPU };
    kept = create([]);
    const adapter = (await kept.requestAdapter())!;
    const { maxComputeWorkgroupStorageSize } = adapter.limits;
    return adapter.requestDevice({ requiredLimits: { maxComputeWorkgroupStorageSize } });
  })());
}
