// Samples of the functions and layers of `nn`, with every operation by itself, in the whole suite on one kind of view and
// with fallbacks. Merged: nn-samples.long.test.ts.
import { samplesOn } from "@weft/conformance";
import { everything, halfOf } from "../../../test/extent.ts";
import { collections, layers } from "../../nn/test/samples.ts";
import { openWebGpu } from "../../../test/webgpu.ts";
import { onDevice } from "./device.ts";

const all = [...collections, ...layers];
const settings = { unmerged: { fuse: false, trusted: true } };
const cases = samplesOn("nn on tensor-webgpu", openWebGpu, all, { settings, views: everything ? "one" : "none" });
// A short run takes every twentieth case: the software driver compiles each of them.
for (const { name, run } of everything ? halfOf(cases, 1) : cases.filter((_, i) => i % 20 === 0)) onDevice(name, run);
