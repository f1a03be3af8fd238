// Samples of the functions and layers of `nn`, merged, on another kind of view than nn-samples.test.ts (WEFT_LONG=1:
// on each), and with fallbacks.
import { samplesOn } from "@weft/conformance";
import { collections, layers } from "../../nn/test/samples.ts";
import { halfOf, mergedViews } from "../../../test/extent.ts";
import { openWebGpu } from "../../../test/webgpu.ts";
import { onDevice } from "./device.ts";

const all = [...collections, ...layers];
const settings = { merged: {} };
const cases = samplesOn("nn on tensor-webgpu", openWebGpu, all, { settings, views: mergedViews });
for (const { name, run } of halfOf(cases, 0)) onDevice(name, run);
