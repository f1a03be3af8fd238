// The software driver under these tests, and tests that are skipped, with the reason, where it is missing.
import { describe, test } from "vitest";

/** Why there is no driver here; `vitest.config.ts` prints it too. */
const missing = process.env["WEFT_NO_DRIVER"];

export const onDevice = test.skipIf(missing !== undefined);
export const describeOnDevice = describe.skipIf(missing !== undefined);

let kept: GPU | undefined;
let device: Promise<GPUDevice> | undefined;

/** A device of the tests' own. What `create` gives has to stay referenced. */
export function bareDevice(): Promise<GPUDevice> {
  return (device ??= (async () => {
    const { create } = (await import("webgpu")) as unknown as { create: (options: string[]) => GPU };
    kept = create([]);
    return (await kept.requestAdapter())!.requestDevice();
  })());
}
