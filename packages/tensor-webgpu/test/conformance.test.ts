// The conformance suite: with every operation by itself, without the checks of WebGPU, on tensors, in the whole suite
// also on one kind of view per sample, and with fallbacks. Merged takes minutes on a software driver:
// conformance.long.test.ts. There are no known gaps.
import { conformance } from "@weft/conformance";
import { everything, halfOf } from "../../../test/extent.ts";
import { openWebGpu } from "../../../test/webgpu.ts";
import { onDevice } from "./device.ts";

const settings = { unmerged: { fuse: false, trusted: true } };
const cases = conformance("tensor-webgpu", openWebGpu, { settings, views: everything ? "one" : "none" });
// A short run takes every tenth case: the software driver compiles each of them.
for (const { name, run } of everything ? halfOf(cases, 1) : cases.filter((_, i) => i % 10 === 0)) onDevice(name, run);
