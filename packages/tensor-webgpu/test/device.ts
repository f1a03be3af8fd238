// The software driver for these tests. Where it is missing, tests are skipped and say why.
import { describe, test } from "vitest";
import { everything } from "../../../test/extent.ts";

export { gpuOfTests, ownDevice, sharedDevice as bareDevice } from "../../../test/webgpu.ts";

/** Why there is no driver here; `vitest.config.ts` prints it too. */
const missing = process.env["WEFT_NO_DRIVER"];

export const onDevice = test.skipIf(missing !== undefined);
/** What takes seconds, and whose like a short run has, too. */
export const longOnDevice = test.skipIf(missing !== undefined || !everything);
export const describeOnDevice = describe.skipIf(missing !== undefined);
