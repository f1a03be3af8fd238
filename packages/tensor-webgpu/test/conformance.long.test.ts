// The law for every backend, on this one, merged, on tensors, on another kind of view than conformance.test.ts
// (WEFT_LONG=1: on each), and with fallbacks. There are no known gaps.
import { conformance } from "@weft/conformance";
import { halfOf, mergedViews } from "../../../test/extent.ts";
import { openWebGpu } from "../../../test/webgpu.ts";
import { onDevice } from "./device.ts";

const cases = conformance("tensor-webgpu", openWebGpu, { settings: { merged: {} }, views: mergedViews });
for (const { name, run } of halfOf(cases, 0)) onDevice(name, run);
